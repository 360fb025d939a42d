-- One row: one prediction whose window moved, of a tweet outside the model's training and validation
-- parts, in $session; $model is a model's name or id, or null for all.
SELECT
    s.model_id, s.model, s.symbol, s.interval_minutes, d.session_date, s.probability_up,
    s.direction = 'up' AS up
FROM scored_all s
JOIN sessions d
    ON d.symbol = s.symbol AND d.session = s.session
    AND s.minute_utc >= d.open_utc AND s.minute_utc < d.close_utc
WHERE s.session = $session
    AND s.direction IN ('up', 'down')
    AND s.split IN ('test', 'outside')
    AND ($model IS NULL OR $model IN (s.model, s.model_id))
ORDER BY s.model, s.model_id, s.symbol, s.interval_minutes, d.session_date, s.tweet_id;
