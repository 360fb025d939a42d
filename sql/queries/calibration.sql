-- One row: one model, symbol, interval and tenth of the probability, on rows that it has not learned from.
-- rows: predictions with an outcome (a flat window has none) of tweets outside the parts that the model
-- has learned from, with a probability of up from low to below high. said: its mean. happened: the
-- share that rose. Of a calibrated model both are equal; few rows differ by chance.
-- $interval = null: minutes, or null for all
SELECT
    model, model_id, symbol, interval_minutes,
    least(floor(probability_up::DOUBLE * 10), 9) / 10 AS low,
    round(low + 0.1, 1) AS high,
    count(*) AS rows,
    round(avg(probability_up), 4) AS said,
    round(avg((direction = 'up')::INTEGER), 4) AS happened
FROM scored
WHERE correct IS NOT NULL AND split IN ('test', 'outside')
    AND ($interval IS NULL OR interval_minutes = $interval)
GROUP BY ALL
ORDER BY ALL;
