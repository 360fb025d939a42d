-- One row: one model, symbol, interval and tenth of the probability, on unseen tweets.
-- rows: predictions with a probability of up from low to below high, for tweets from the model's
-- test part on whose price moved. predicted: mean probability of up. observed:
-- share that rose. They are equal for a calibrated model; with few rows they differ by chance.
-- $interval = null: minutes, or null for all
SELECT
    model, model_id, symbol, interval_minutes,
    least(floor(probability_up::DOUBLE * 10), 9) / 10 AS low,
    round(low + 0.1, 1) AS high,
    count(*) AS rows,
    round(avg(probability_up), 4) AS predicted,
    round(avg((direction = 'up')::INTEGER), 4) AS observed
FROM scored
WHERE correct IS NOT NULL AND unseen(split)
    AND ($interval IS NULL OR interval_minutes = $interval)
GROUP BY ALL
ORDER BY ALL;
