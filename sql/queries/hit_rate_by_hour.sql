-- One row: one model, symbol, interval and hour of the day, on unseen tweets.
-- rows: predictions of up or down for unseen tweets whose price moved; unseen means from the
-- model's test part on. accuracy: share of correct predictions. majority: accuracy
-- of always predicting the more frequent direction of these rows. hour_utc: of the minute of entry,
-- 0 to 23. The exchange's local hour shifts with daylight saving time; hit_rate_after_open gives
-- the time since the open.
-- $interval = null: minutes, or null for all
SELECT
    model, model_id, symbol, interval_minutes,
    hour(minute_utc) AS hour_utc,
    count(*) AS rows,
    round(avg(correct::INTEGER), 4) AS accuracy,
    round(greatest(avg((direction = 'up')::INTEGER), avg((direction = 'down')::INTEGER)), 4) AS majority
FROM scored
WHERE correct IS NOT NULL AND unseen(split)
    AND ($interval IS NULL OR interval_minutes = $interval)
GROUP BY ALL
ORDER BY ALL;
