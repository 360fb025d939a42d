-- One row: one model, symbol, interval and tenth of the probability, on unseen tweets.
-- rows: predictions with a probability of up from low to below high, for tweets that the model has
-- not seen and whose price moved. minutes and days: different minutes of entry, and trading days.
-- predicted: mean probability of up. observed: share that rose; observed_low and observed_high: its
-- 95 % interval by Student's t over days; null for a single day, or if no day differs. For a
-- calibrated model predicted lies inside, but for one interval in twenty.
-- $interval = null: minutes, or null for all
WITH days AS (
    SELECT
        model, model_id, symbol, interval_minutes, session_date,
        least(floor(probability::DOUBLE * 10), 9) / 10 AS low,
        count(*) AS counted,
        count(DISTINCT minute_utc) AS minutes,
        sum(probability::DOUBLE) AS probabilities,
        count(*) FILTER (outcome = 'up') AS ups
    FROM scored_days
    WHERE target = 'direction' AND correct IS NOT NULL AND unseen(split)
        AND ($interval IS NULL OR interval_minutes = $interval)
    GROUP BY ALL
)
SELECT
    model, model_id, symbol, interval_minutes, low,
    round(low + 0.1, 1) AS high,
    sum(counted)::BIGINT AS rows,
    sum(minutes)::BIGINT AS minutes,
    count(*) AS days,
    round(sum(probabilities) / sum(counted), 4) AS predicted,
    round(sum(ups) / sum(counted), 4) AS observed,
    round(share_low_95(ups, counted), 4) AS observed_low,
    round(share_high_95(ups, counted), 4) AS observed_high
FROM days
GROUP BY model, model_id, symbol, interval_minutes, low
ORDER BY ALL;
