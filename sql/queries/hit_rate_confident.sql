-- One row: one model, symbol and interval, on its confident predictions for unseen tweets.
-- all_rows: predictions of up or down for tweets from the model's test part on
-- whose price moved. rows: those with at least $confidence for the predicted direction; coverage is
-- their share. accuracy: share of them that is correct. majority: accuracy of always predicting
-- their more frequent direction. Both are null without rows. If $confidence is chosen by these
-- figures, they are too good.
-- $confidence = 0.6: probability of the predicted direction, 0.5 to 1
SELECT
    model, model_id, symbol, interval_minutes,
    count(*) AS all_rows,
    count(*) FILTER (confident) AS rows,
    round(avg(confident::INTEGER), 4) AS coverage,
    round(avg(correct::INTEGER) FILTER (confident), 4) AS accuracy,
    round(
        greatest(
            avg((direction = 'up')::INTEGER) FILTER (confident),
            avg((direction = 'down')::INTEGER) FILTER (confident)
        ),
        4
    ) AS majority
FROM (
    -- As FLOAT, which the probabilities are: the DOUBLE 0.7 is more than the FLOAT 0.7.
    SELECT *, greatest(probability_up, 1 - probability_up) >= $confidence::FLOAT AS confident FROM scored
)
WHERE correct IS NOT NULL AND unseen(split)
GROUP BY ALL
ORDER BY ALL;
