-- One row: one model, symbol, interval and author, on unseen tweets.
-- rows: predictions of up or down for unseen tweets whose price moved; unseen means from the
-- model's test part on. accuracy: share of correct predictions. majority: accuracy
-- of always predicting the more frequent direction of these rows. author: null if the file names
-- none. Among many authors some do well by chance alone.
-- $interval = null: minutes, or null for all
-- $least = 30: smallest number of rows of an author
SELECT
    model, model_id, symbol, interval_minutes,
    author AS author,
    count(*) AS rows,
    round(avg(correct::INTEGER), 4) AS accuracy,
    round(greatest(avg((direction = 'up')::INTEGER), avg((direction = 'down')::INTEGER)), 4) AS majority
FROM scored
WHERE correct IS NOT NULL AND unseen(split)
    AND ($interval IS NULL OR interval_minutes = $interval)
GROUP BY ALL
HAVING count(*) >= $least
ORDER BY ALL;
