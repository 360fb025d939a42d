-- One row: one observation of a tweet that may have several, those of $source_id being the fresh ones.
-- The one at place 1 stays; known is true if the database had the tweet before. The order is total,
-- so the order of files does not matter.
CREATE OR REPLACE TEMP TABLE candidates AS
WITH contended AS (
    -- Ids alone are grouped faster than with their platforms; those of two platforms are separated below.
    SELECT tweet_id FROM tweets WHERE source_id = $source_id GROUP BY ALL HAVING count(*) > 1
    UNION
    SELECT tweet_id FROM tweets WHERE source_id = $source_id
        AND tweet_id IN (SELECT tweet_id FROM tweets WHERE source_id <> $source_id)
)
SELECT
    rowid AS row,
    platform,
    tweet_id,
    source_id = $source_id AS fresh,
    bool_or(NOT fresh) OVER (PARTITION BY platform, tweet_id) AS known,
    row_number() OVER (
        PARTITION BY platform, tweet_id
        ORDER BY
            counts_as_of_utc DESC NULLS LAST,
            length(text) DESC,
            retweet_count DESC NULLS LAST,
            favorite_count DESC NULLS LAST,
            text DESC,
            author NULLS LAST,
            is_retweet DESC NULLS LAST,
            posted_utc,
            fresh
    ) AS place
FROM tweets SEMI JOIN contended USING (tweet_id);
