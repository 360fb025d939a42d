-- One row: one row of the frame found, in its order, as a reader sees it. The rows are those of another file here.
WITH posts AS (
    FROM tweets SEMI JOIN found USING (platform, tweet_id)
),
rows AS ($rows)
SELECT
    p.posted_utc, p.author, p.platform, p.text, r.symbol, r.probability, r.predicted, r.split,
    r.status, r.return_bps, r.outcome, r.correct, p.tweet_id
FROM found f
JOIN posts p ON p.platform = f.platform AND p.tweet_id = f.tweet_id
LEFT JOIN rows r
    ON r.platform = f.platform AND r.tweet_id = f.tweet_id AND r.symbol IS NOT DISTINCT FROM f.symbol
ORDER BY f.place;
