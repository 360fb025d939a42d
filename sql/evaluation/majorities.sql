-- One row: one model, symbol and interval, and whether the positive class is the more frequent one of the
-- outcomes of its training part in $session. Of as many of both it is.
SELECT
    model_id, symbol, interval_minutes,
    2 * count(*) FILTER (is_positive(target, outcome)) >= count(*) AS majority
FROM scored_any
WHERE session = $session AND split = 'train' AND correct IS NOT NULL
    AND ($model IS NULL OR $model IN (model, model_id))
GROUP BY ALL;
