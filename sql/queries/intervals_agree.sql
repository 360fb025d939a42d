-- One row: one model and pair of its intervals, with how often both predict the same direction.
-- rows: tweets scored for both. agree: share for which both predict up or both predict down.
-- both_up: share for which both predict up. Prices are not used, and all tweets count, also those
-- of the training part.
SELECT
    a.model, a.model_id,
    a.interval_minutes, b.interval_minutes AS other_interval_minutes,
    count(*) AS rows,
    round(avg(((a.probability_up >= 0.5) = (b.probability_up >= 0.5))::INTEGER), 4) AS agree,
    round(avg((a.probability_up >= 0.5 AND b.probability_up >= 0.5)::INTEGER), 4) AS both_up
FROM probabilities_up a
JOIN probabilities_up b
    ON b.model_id = a.model_id AND b.platform = a.platform AND b.tweet_id = a.tweet_id
    AND b.interval_minutes > a.interval_minutes
GROUP BY ALL
ORDER BY ALL;
