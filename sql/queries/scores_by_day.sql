-- One row: one model, interval and day, with the mean of what it said.
-- day: of posting, in UTC, with or without trading. said_up: the share of posts with a probability of up
-- of at least 0.5. Nothing is held against prices, and all tweets count, learned from or not.
-- $interval = null: minutes, or null for all
SELECT
    p.model, p.model_id, p.interval_minutes,
    t.posted_utc::DATE AS day,
    count(*) AS posts,
    round(avg(p.probability_up), 4) AS mean_probability_up,
    round(avg((p.probability_up >= 0.5)::INTEGER), 4) AS said_up
FROM probabilities_up p
JOIN tweets t USING (platform, tweet_id)
WHERE $interval IS NULL OR p.interval_minutes = $interval
GROUP BY ALL
ORDER BY ALL;
