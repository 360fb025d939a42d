-- Inserts a row per tweet and class of $files, results of $model_id, for tweets that have none of it yet. A label
-- has no horizon.
INSERT INTO predictions BY NAME
WITH new AS (
    SELECT DISTINCT ON (r.platform, r.tweet_id) r.platform, r.tweet_id, r.probabilities
    FROM read_parquet($files) r
    ANTI JOIN predictions p
        ON p.model_id = $model_id AND p.platform = r.platform AND p.tweet_id = r.tweet_id
    WHERE r.model_id = $model_id
    ORDER BY r.platform, r.tweet_id, r.posted_utc, r.text
)
SELECT
    $model_id AS model_id, platform, tweet_id, NULL AS interval_minutes,
    generate_subscripts(probabilities, 1) AS class_number, unnest(probabilities) AS probability
FROM new;
