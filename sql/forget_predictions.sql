-- Deletes the predictions whose input is about to change: the text, or the counts for a model that
-- reads them.
CREATE OR REPLACE TEMP TABLE outdated AS
SELECT models.model_id, t.platform, t.tweet_id
FROM contended_tweets c
JOIN tweets t USING (platform, tweet_id)
CROSS JOIN models
WHERE c.fresh AND (
    t.text <> c.text
    OR models.uses_counts AND (
        t.retweet_count IS DISTINCT FROM c.retweet_count
        OR t.favorite_count IS DISTINCT FROM c.favorite_count
    )
);

DELETE FROM predictions USING outdated o
WHERE predictions.model_id = o.model_id
    AND predictions.platform = o.platform AND predictions.tweet_id = o.tweet_id;

DELETE FROM class_predictions USING outdated o
WHERE class_predictions.model_id = o.model_id
    AND class_predictions.platform = o.platform AND class_predictions.tweet_id = o.tweet_id;
