-- One row: one post of the frame found. By their numbers texts are read alone, without those that lie beside them.
WITH numbered AS MATERIALIZED (
    SELECT rowid AS number FROM tweets SEMI JOIN found USING (platform, tweet_id)
)
SELECT platform, tweet_id, posted_utc, author, text
FROM tweets WHERE rowid IN (SELECT number FROM numbered);
