-- One row: one model, symbol and interval, on its confident predictions for unseen tweets.
-- all_rows: predictions of up or down for tweets that the model has not seen and whose price moved.
-- rows: those with at least $confidence for the predicted direction; coverage is their share.
-- minutes and days: different minutes of entry and trading days of these. accuracy: share of them
-- that is correct; accuracy_low and accuracy_high: its 95 % interval by Student's t over days; null
-- on fewer than two, or if no day differs. majority: accuracy of always predicting their more
-- frequent direction. Accuracy and majority are null without rows. If $confidence is chosen by these
-- figures, they are too good, and the interval does not know it.
-- $confidence = 0.6: probability of the predicted direction, 0.5 to 1
WITH judged AS (
    -- As FLOAT, which the probabilities are: the DOUBLE 0.7 is more than the FLOAT 0.7.
    SELECT *, greatest(probability, 1 - probability) >= $confidence::FLOAT AS confident
    FROM scored_days
    WHERE target = 'direction' AND correct IS NOT NULL AND unseen(split)
),
days AS (
    SELECT
        model, model_id, symbol, interval_minutes, session_date,
        count(*) AS all_rows,
        count(*) FILTER (confident) AS counted,
        count(DISTINCT minute_utc) FILTER (confident) AS minutes,
        count(*) FILTER (confident AND correct) AS hits,
        count(*) FILTER (confident AND outcome = 'up') AS ups
    FROM judged
    GROUP BY ALL
)
SELECT
    model, model_id, symbol, interval_minutes,
    sum(all_rows)::BIGINT AS all_rows,
    sum(counted)::BIGINT AS rows,
    sum(minutes)::BIGINT AS minutes,
    count(*) FILTER (counted > 0) AS days,
    round(sum(counted) / sum(all_rows), 4) AS coverage,
    round(sum(hits) / nullif(sum(counted), 0), 4) AS accuracy,
    round(share_low_95(hits, counted), 4) AS accuracy_low,
    round(share_high_95(hits, counted), 4) AS accuracy_high,
    round(greatest(sum(ups), sum(counted - ups)) / nullif(sum(counted), 0), 4) AS majority
FROM days
GROUP BY model, model_id, symbol, interval_minutes
ORDER BY ALL;
