-- One row: one interval and status, with the predictions of $model_id, whatever their split.
SELECT interval_minutes, status, count(*) AS predictions
FROM scored_any
WHERE model_id = $model_id AND session = $session
    AND list_contains($symbols::VARCHAR[], coalesce(symbol, ''))
GROUP BY ALL
ORDER BY interval_minutes, predictions DESC, status;
