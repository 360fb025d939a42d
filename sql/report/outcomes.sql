-- One row: one prediction of $model_id for $interval whose outcome is one of the two classes, from the
-- parts that the model has learned from.
SELECT probability, is_positive(target, outcome) AS truth
FROM scored_any
WHERE model_id = $model_id AND session = $session AND symbol IS NOT DISTINCT FROM $symbol
    AND interval_minutes = $interval
    AND unseen(split)
    AND correct IS NOT NULL;
