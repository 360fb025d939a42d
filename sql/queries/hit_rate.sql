-- One row: one model, symbol and interval, on rows that it has not learned from.
-- rows: predictions with an outcome (a flat window has none) of tweets outside the parts that the model
-- has learned from. accuracy: the share that came true. majority: that of always saying what happened
-- more often in these very rows.
-- minutes: entries that differ; tweets of one minute share its outcome, and windows overlap, so rows
-- prove less than their number says. Ask tweetscore evaluate for an interval and a p-value.
SELECT
    model, model_id, symbol, interval_minutes,
    count(*) AS rows,
    count(DISTINCT minute_utc) AS minutes,
    round(avg(correct::INTEGER), 4) AS accuracy,
    round(greatest(avg((direction = 'up')::INTEGER), avg((direction = 'down')::INTEGER)), 4) AS majority
FROM scored
WHERE correct IS NOT NULL AND split IN ('test', 'outside')
GROUP BY ALL
ORDER BY ALL;
