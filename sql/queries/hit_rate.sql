-- One row: one model, symbol and interval, on rows that it has not learned from.
-- rows is the number of predictions with an outcome; majority is the accuracy of always saying the
-- more frequent outcome.
SELECT
    model, symbol, interval_minutes,
    count(*) AS rows,
    round(avg(correct::INTEGER), 4) AS accuracy,
    round(greatest(avg((direction = 'up')::INTEGER), avg((direction = 'down')::INTEGER)), 4) AS majority
FROM scored
WHERE correct IS NOT NULL AND split IN ('test', 'outside')
GROUP BY ALL
ORDER BY ALL;
