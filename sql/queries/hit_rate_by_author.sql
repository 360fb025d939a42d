-- One row: one model, symbol, interval and author, on rows that it has not learned from.
-- rows: predictions with an outcome (a flat window has none) of tweets outside the parts that the model
-- has learned from. accuracy: the share that came true. majority: that of always saying what happened
-- more often in these very rows.
-- author: null where no file names one. Among many authors some do well by chance alone.
-- $interval = null: minutes, or null for all
-- $least = 30: rows that an author must have
SELECT
    model, model_id, symbol, interval_minutes,
    author AS author,
    count(*) AS rows,
    round(avg(correct::INTEGER), 4) AS accuracy,
    round(greatest(avg((direction = 'up')::INTEGER), avg((direction = 'down')::INTEGER)), 4) AS majority
FROM scored
WHERE correct IS NOT NULL AND split IN ('test', 'outside')
    AND ($interval IS NULL OR interval_minutes = $interval)
GROUP BY ALL
HAVING count(*) >= $least
ORDER BY ALL;
