-- One row: one model, symbol and interval, on sure predictions that it has not learned from.
-- all_rows: predictions with an outcome (a flat window has none) of tweets outside the parts that the
-- model has learned from. rows: those whose side has at least $confidence, the share of which is coverage.
-- accuracy: the share of rows that came true. majority: that of always saying what happened more often
-- in them. Both are null without rows. A $confidence chosen by these figures flatters them.
-- $confidence = 0.6: probability of the predicted side, 0.5 to 1
SELECT
    model, model_id, symbol, interval_minutes,
    count(*) AS all_rows,
    count(*) FILTER (sure) AS rows,
    round(avg(sure::INTEGER), 4) AS coverage,
    round(avg(correct::INTEGER) FILTER (sure), 4) AS accuracy,
    round(
        greatest(
            avg((direction = 'up')::INTEGER) FILTER (sure),
            avg((direction = 'down')::INTEGER) FILTER (sure)
        ),
        4
    ) AS majority
FROM (
    -- As FLOAT, which the probabilities are: the DOUBLE 0.7 is more than the FLOAT 0.7.
    SELECT *, greatest(probability_up, 1 - probability_up) >= $confidence::FLOAT AS sure FROM scored
)
WHERE correct IS NOT NULL AND split IN ('test', 'outside')
GROUP BY ALL
ORDER BY ALL;
