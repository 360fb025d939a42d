-- Inserts a row per tweet of $files, results of scoring, that is not there yet, as of $source_id.
INSERT INTO tweets BY NAME
SELECT DISTINCT ON (r.platform, r.tweet_id)
    r.platform, r.tweet_id, r.author, r.posted_utc, r.text, $source_id AS source_id
FROM read_parquet($files) r
ANTI JOIN tweets t ON t.platform = r.platform AND t.tweet_id = r.tweet_id
ORDER BY r.platform, r.tweet_id, r.posted_utc, r.text;
