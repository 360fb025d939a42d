-- One row: one staged observation that takes a tweet's place: the best of its rivals in the file and
-- in the database. Only tweets with rivals are here; known says that the database had the tweet.
-- The order is total, so the order of files does not matter.
CREATE OR REPLACE TEMP TABLE contended_tweets AS
WITH rivals AS (
    SELECT platform, tweet_id FROM staged_tweets GROUP BY ALL HAVING count(*) > 1
    UNION
    SELECT platform, tweet_id FROM staged_tweets SEMI JOIN tweets USING (platform, tweet_id)
),
observations AS (
    SELECT * EXCLUDE (line, byte_offset), true AS fresh
    FROM staged_tweets SEMI JOIN rivals USING (platform, tweet_id)
    UNION ALL BY NAME
    SELECT * EXCLUDE (source_id), false AS fresh
    FROM tweets SEMI JOIN rivals USING (platform, tweet_id)
)
SELECT
    *,
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
FROM observations
QUALIFY place = 1;
