-- Inserts a row per tweet and interval of $files, results of $model_id, that is not there yet. A result
-- stands in them once for each symbol.
INSERT INTO predictions BY NAME
SELECT DISTINCT ON (r.platform, r.tweet_id, r.interval_minutes)
    $model_id AS model_id, r.platform, r.tweet_id, r.interval_minutes, r.probability_up
FROM read_parquet($files) r
ANTI JOIN predictions p
    ON p.model_id = $model_id AND p.platform = r.platform AND p.tweet_id = r.tweet_id
    AND p.interval_minutes = r.interval_minutes
WHERE r.model_id = $model_id
ORDER BY r.platform, r.tweet_id, r.interval_minutes, r.posted_utc, r.text;
