-- One row: one pair of models, symbol and interval, on the same tweets, which neither has seen.
-- rows: tweets scored by both whose price moved. accuracy_a and accuracy_b: share of correct
-- predictions. agree: share where both predict the same. only_a and only_b: rows where only this
-- model is correct; the larger the difference, the better the one model, but tweets of one minute
-- share their outcome.
-- $interval = null: minutes, or null for all
WITH judged AS (
    SELECT
        model, model_id, symbol, interval_minutes, platform, tweet_id, correct
    FROM scored
    WHERE correct IS NOT NULL AND unseen(split)
        AND ($interval IS NULL OR interval_minutes = $interval)
)
SELECT
    a.model AS model_a, a.model_id AS model_a_id, b.model AS model_b, b.model_id AS model_b_id,
    a.symbol, a.interval_minutes,
    count(*) AS rows,
    round(avg(a.correct::INTEGER), 4) AS accuracy_a,
    round(avg(b.correct::INTEGER), 4) AS accuracy_b,
    round(avg((a.correct = b.correct)::INTEGER), 4) AS agree,
    count(*) FILTER (a.correct AND NOT b.correct) AS only_a,
    count(*) FILTER (b.correct AND NOT a.correct) AS only_b
FROM judged a
JOIN judged b
    ON b.platform = a.platform AND b.tweet_id = a.tweet_id
    AND b.symbol = a.symbol AND b.interval_minutes = a.interval_minutes
    AND (a.model, a.model_id) < (b.model, b.model_id)
GROUP BY ALL
ORDER BY ALL;
