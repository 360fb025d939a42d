-- One row: one observation of a tweet that may have several; those of $first_source and later are fresh.
-- The one at place 1 stays. known is true if an earlier file had the tweet, leads if no observation of
-- this or an earlier file is better. The order is total, so the order of files does not matter.
CREATE OR REPLACE TEMP TABLE candidates AS
WITH contended AS (
    -- Ids alone are grouped faster than with their platforms; those of two platforms are separated below.
    SELECT tweet_id FROM tweets WHERE source_id >= $first_source GROUP BY ALL HAVING count(*) > 1
    UNION
    SELECT tweet_id FROM tweets WHERE source_id >= $first_source
        AND tweet_id IN (SELECT tweet_id FROM tweets WHERE source_id < $first_source)
), placed AS (
    SELECT
        rowid AS row,
        platform,
        tweet_id,
        source_id,
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
                source_id
        ) AS place
    FROM tweets SEMI JOIN contended USING (tweet_id)
)
SELECT
    *,
    source_id >= $first_source AS fresh,
    source_id > min(source_id) OVER (PARTITION BY platform, tweet_id) AS known,
    place = min(place) OVER (
        PARTITION BY platform, tweet_id ORDER BY source_id
        RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS leads
FROM placed;
