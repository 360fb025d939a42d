-- One row: one model, symbol, interval and half hour of the session, on rows that it has not learned from.
-- rows: predictions with an outcome (a flat window has none) of tweets outside the parts that the model
-- has learned from. accuracy: the share that came true. majority: that of always saying what happened
-- more often in these very rows.
-- minutes_after_open: where the half hour begins, of the minute of entry.
-- $interval = null: minutes, or null for all
SELECT
    s.model, s.model_id, s.symbol, s.interval_minutes,
    date_diff('minute', d.open_utc, s.minute_utc) // 30 * 30 AS minutes_after_open,
    count(*) AS rows,
    round(avg(s.correct::INTEGER), 4) AS accuracy,
    round(
        greatest(avg((s.direction = 'up')::INTEGER), avg((s.direction = 'down')::INTEGER)), 4
    ) AS majority
FROM scored s
JOIN sessions d
    ON d.symbol = s.symbol AND d.session = 'regular'
    AND s.minute_utc >= d.open_utc AND s.minute_utc < d.close_utc
WHERE s.correct IS NOT NULL AND s.split IN ('test', 'outside')
    AND ($interval IS NULL OR s.interval_minutes = $interval)
GROUP BY ALL
ORDER BY ALL;
