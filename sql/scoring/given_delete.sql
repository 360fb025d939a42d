-- Deletes the predictions of $model_id that are replaced by others.
DELETE FROM predictions p USING given_compared g
WHERE g.became = 'updated' AND p.model_id = $model_id
    AND p.platform = g.platform AND p.tweet_id = g.tweet_id
    AND p.interval_minutes = g.interval_minutes;
