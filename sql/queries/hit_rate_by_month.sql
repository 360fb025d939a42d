-- One row: one model, symbol, interval and month, on unseen tweets.
-- rows: predictions of up or down for unseen tweets whose price moved; unseen means from the
-- model's test part on. accuracy: share of correct predictions. majority: accuracy
-- of always predicting the more frequent direction of these rows. month: its first day, of the
-- minute of entry in UTC.
-- $interval = null: minutes, or null for all
SELECT
    model, model_id, symbol, interval_minutes,
    date_trunc('month', minute_utc)::DATE AS month,
    count(*) AS rows,
    round(avg(correct::INTEGER), 4) AS accuracy,
    round(greatest(avg((direction = 'up')::INTEGER), avg((direction = 'down')::INTEGER)), 4) AS majority
FROM scored
WHERE correct IS NOT NULL AND unseen(split)
    AND ($interval IS NULL OR interval_minutes = $interval)
GROUP BY ALL
ORDER BY ALL;
