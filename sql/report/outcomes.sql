-- One row: one prediction of $model_id for $interval that came true or did not, and that the model
-- has not learned from.
SELECT probability, outcome IN ('up', 'move') AS truth
FROM scored_any
WHERE model_id = $model_id AND session = $session AND symbol IS NOT DISTINCT FROM $symbol
    AND interval_minutes = $interval
    AND split IN ('test', 'outside')
    AND outcome <> 'flat';
