-- One row: one stored probability of the model $model_id and what it was made from, for $tweets of its
-- tweets.
WITH stored AS (
    -- Labels have no interval, which is written as 0.
    SELECT platform, tweet_id, coalesce(interval_minutes, 0) AS interval_minutes, class, probability
    FROM probabilities WHERE model_id = $model_id
),
sampled AS (
    SELECT platform, tweet_id
    FROM stored
    SEMI JOIN (SELECT DISTINCT interval_minutes, class FROM stored ORDER BY ALL LIMIT 1)
        USING (interval_minutes, class)
    ORDER BY hash(platform, tweet_id)
    LIMIT $tweets
)
SELECT
    platform, tweet_id, t.text, t.retweet_count, t.favorite_count,
    s.interval_minutes, s.class, s.probability
FROM stored s
SEMI JOIN sampled USING (platform, tweet_id)
JOIN tweets t USING (platform, tweet_id);
