-- One row: one pair of models, symbol and interval, on the same tweets, which neither has seen.
-- rows: tweets scored by both whose price moved. minutes and days: different minutes of entry, and
-- trading days. accuracy_a and accuracy_b: share of correct predictions. agree: share where both
-- predict the same. only_a and only_b: rows where only this model is correct. difference: accuracy_a
-- minus accuracy_b; difference_low and difference_high: its 95 % interval by Student's t over days,
-- a paired test of the two models: they differ at 5 % where 0 lies outside. Null for a single day,
-- or if no day differs. Of many pairs some differ by chance alone.
-- $interval = null: minutes, or null for all
WITH judged AS (
    SELECT
        model, model_id, symbol, interval_minutes, session_date, minute_utc, platform, tweet_id, correct
    FROM scored_days
    WHERE target = 'direction' AND correct IS NOT NULL AND unseen(split)
        AND ($interval IS NULL OR interval_minutes = $interval)
),
days AS (
    SELECT
        a.model AS model_a, a.model_id AS model_a_id, b.model AS model_b, b.model_id AS model_b_id,
        a.symbol, a.interval_minutes, a.session_date,
        count(*) AS counted,
        count(DISTINCT a.minute_utc) AS minutes,
        count(*) FILTER (a.correct) AS hits_a,
        count(*) FILTER (b.correct) AS hits_b,
        count(*) FILTER (a.correct AND NOT b.correct) AS only_a,
        count(*) FILTER (b.correct AND NOT a.correct) AS only_b
    FROM judged a
    JOIN judged b
        ON b.platform = a.platform AND b.tweet_id = a.tweet_id
        AND b.symbol = a.symbol AND b.interval_minutes = a.interval_minutes
        AND (a.model, a.model_id) < (b.model, b.model_id)
    GROUP BY ALL
)
SELECT
    model_a, model_a_id, model_b, model_b_id, symbol, interval_minutes,
    sum(counted)::BIGINT AS rows,
    sum(minutes)::BIGINT AS minutes,
    count(*) AS days,
    round(sum(hits_a) / sum(counted), 4) AS accuracy_a,
    round(sum(hits_b) / sum(counted), 4) AS accuracy_b,
    round(sum(counted - only_a - only_b) / sum(counted), 4) AS agree,
    sum(only_a)::BIGINT AS only_a,
    sum(only_b)::BIGINT AS only_b,
    round(sum(hits_a - hits_b) / sum(counted), 4) AS difference,
    round(difference - half_width_95(hits_a - hits_b, counted), 4) AS difference_low,
    round(difference + half_width_95(hits_a - hits_b, counted), 4) AS difference_high
FROM days
GROUP BY model_a, model_a_id, model_b, model_b_id, symbol, interval_minutes
ORDER BY ALL;
