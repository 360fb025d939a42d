-- One row: one model, symbol, interval and hour of the day, on rows that it has not learned from.
-- rows: predictions with an outcome (a flat window has none) of tweets outside the parts that the model
-- has learned from. accuracy: the share that came true. majority: that of always saying what happened
-- more often in these very rows.
-- hour_utc: of the minute of entry, 0 to 23. The exchange's own hour moves with summer time: see
-- hit_rate_after_open for the time since its opening.
-- $interval = null: minutes, or null for all
SELECT
    model, model_id, symbol, interval_minutes,
    hour(minute_utc) AS hour_utc,
    count(*) AS rows,
    round(avg(correct::INTEGER), 4) AS accuracy,
    round(greatest(avg((direction = 'up')::INTEGER), avg((direction = 'down')::INTEGER)), 4) AS majority
FROM scored
WHERE correct IS NOT NULL AND split IN ('test', 'outside')
    AND ($interval IS NULL OR interval_minutes = $interval)
GROUP BY ALL
ORDER BY ALL;
