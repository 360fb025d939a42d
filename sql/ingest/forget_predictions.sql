-- Deletes the predictions whose input is replaced by another record: the text, or the counts for a model
-- that reads them. What somebody else has predicted stays, as nobody here can predict it again. Runs while the table candidates is complete.
CREATE OR REPLACE TEMP TABLE outdated AS
SELECT models.model_id, old.platform, old.tweet_id
FROM candidates winner
JOIN tweets new ON new.rowid = winner.row
JOIN candidates loser ON loser.platform = winner.platform AND loser.tweet_id = winner.tweet_id
JOIN tweets old ON old.rowid = loser.row
CROSS JOIN models
WHERE models.card ->> 'kind' IS DISTINCT FROM 'predictions'
    AND winner.place = 1 AND winner.fresh AND NOT loser.fresh AND (
    old.text <> new.text
    OR models.uses_counts AND (
        old.retweet_count IS DISTINCT FROM new.retweet_count
        OR old.favorite_count IS DISTINCT FROM new.favorite_count
    )
);

DELETE FROM predictions USING outdated o
WHERE predictions.model_id = o.model_id
    AND predictions.platform = o.platform AND predictions.tweet_id = o.tweet_id;
