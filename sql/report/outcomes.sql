-- One row: one prediction of $model_id for $interval whose outcome is one of the two classes, from its test
-- part on, with the trading day of its entry.
SELECT s.probability, is_positive(s.target, s.outcome) AS truth, s.session_date
FROM scored_any s
WHERE s.model_id = $model_id AND s.session = $session
    AND list_contains($symbols::VARCHAR[], coalesce(s.symbol, ''))
    AND s.interval_minutes = $interval
    AND unseen(s.split)
    AND s.correct IS NOT NULL
ORDER BY ALL;
