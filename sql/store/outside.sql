-- One row: one model of the market without a split of its own, and what it predicts of posts that it has not seen;
-- of all posts, where nobody says what it has seen. $all is true for all posts in any case.
SELECT
    m.model_id, m.name, min(t.posted_utc) AS first_utc, max(t.posted_utc) AS last_utc,
    count(DISTINCT p.interval_minutes) AS heads
FROM models m
JOIN predictions p USING (model_id)
JOIN tweets t
    ON t.platform = p.platform AND t.tweet_id = p.tweet_id
    AND ($all OR m.knows_until_utc IS NULL OR t.posted_utc >= m.knows_until_utc)
WHERE m.train_from_utc IS NULL AND positive_class(m.target) IS NOT NULL
GROUP BY m.model_id, m.name
ORDER BY m.model_id;
