-- One row: one model, symbol, interval and month, on rows that it has not learned from.
-- rows: predictions with an outcome (a flat window has none) of tweets outside the parts that the model
-- has learned from. accuracy: the share that came true. majority: that of always saying what happened
-- more often in these very rows.
-- month: its first day, of the minute of entry in UTC.
-- $interval = null: minutes, or null for all
SELECT
    model, model_id, symbol, interval_minutes,
    date_trunc('month', minute_utc)::DATE AS month,
    count(*) AS rows,
    round(avg(correct::INTEGER), 4) AS accuracy,
    round(greatest(avg((direction = 'up')::INTEGER), avg((direction = 'down')::INTEGER)), 4) AS majority
FROM scored
WHERE correct IS NOT NULL AND split IN ('test', 'outside')
    AND ($interval IS NULL OR interval_minutes = $interval)
GROUP BY ALL
ORDER BY ALL;
