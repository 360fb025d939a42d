-- Inserts a row per tweet and interval of $files, results of $model_id, that is not there yet. The files hold a
-- result once for each symbol; their one column of probabilities is of the class $class_number.
INSERT INTO predictions BY NAME
SELECT DISTINCT ON (r.platform, r.tweet_id, r.interval_minutes)
    $model_id AS model_id, r.platform, r.tweet_id, r.interval_minutes,
    $class_number AS class_number, r.probability
FROM (
    SELECT
        model_id, platform, tweet_id, posted_utc, text, interval_minutes,
        COLUMNS('^probability') AS probability
    FROM read_parquet($files)
) r
ANTI JOIN predictions p
    ON p.model_id = $model_id AND p.platform = r.platform AND p.tweet_id = r.tweet_id
    AND p.interval_minutes = r.interval_minutes
WHERE r.model_id = $model_id
ORDER BY r.platform, r.tweet_id, r.interval_minutes, r.posted_utc, r.text;
