-- One row: one model, symbol, interval and half hour of the session, on unseen tweets.
-- rows: predictions of up or down for unseen tweets whose price moved; unseen means from the
-- model's test part on. accuracy: share of correct predictions. majority: accuracy
-- of always predicting the more frequent direction of these rows. minutes_after_open: start of the
-- half hour that the minute of entry lies in.
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
WHERE s.correct IS NOT NULL AND unseen(s.split)
    AND ($interval IS NULL OR s.interval_minutes = $interval)
GROUP BY ALL
ORDER BY ALL;
