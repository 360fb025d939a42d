-- Deletes the predictions whose input is about to change: the text, or the counts for a model that
-- reads them. Run once for predictions and once for class_predictions.
DELETE FROM predictions
USING models, (
    SELECT t.platform, t.tweet_id, t.text <> c.text AS rewritten
    FROM contended_tweets c JOIN tweets t USING (platform, tweet_id)
    WHERE c.fresh AND (
        t.text <> c.text
        OR t.retweet_count IS DISTINCT FROM c.retweet_count
        OR t.favorite_count IS DISTINCT FROM c.favorite_count
    )
) AS changed
WHERE predictions.platform = changed.platform
    AND predictions.tweet_id = changed.tweet_id
    AND predictions.model_id = models.model_id
    AND (changed.rewritten OR models.uses_counts);
