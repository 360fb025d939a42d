-- One row: one model, interval and day, with the mean of its predictions.
-- day: of posting, in UTC, whether or not there was trading. predicted_up: share of posts with a
-- probability of up of at least 0.5. Prices are not used, and all tweets count, also those of the
-- training part.
-- $interval = null: minutes, or null for all
SELECT
    p.model, p.model_id, p.interval_minutes,
    t.posted_utc::DATE AS day,
    count(*) AS posts,
    round(avg(p.probability_up), 4) AS mean_probability_up,
    round(avg((p.probability_up >= 0.5)::INTEGER), 4) AS predicted_up
FROM probabilities_up p
JOIN tweets t USING (platform, tweet_id)
WHERE $interval IS NULL OR p.interval_minutes = $interval
GROUP BY ALL
ORDER BY ALL;
