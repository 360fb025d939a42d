-- One row: one prediction of direction and symbol, compared with $session, for $interval and $model (name
-- or id); null means all of them.
SELECT * EXCLUDE (session)
FROM scored_all
WHERE session = $session
    AND ($interval IS NULL OR interval_minutes = $interval)
    AND ($model IS NULL OR $model IN (model, model_id))
ORDER BY posted_utc, platform, tweet_id, model_id, symbol, interval_minutes;
