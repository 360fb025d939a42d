-- One row: one model, symbol, interval and part of its data.
-- split: train and validation are the parts that the model was trained on, so their accuracy is no
-- evidence of skill; an accuracy far above that of test shows overfitting. before: earlier than all
-- parts, with later words and prices known to the model. after: later than all parts. outside: later
-- than all that a model without such parts may have seen. unknown: nobody says what the model has seen.
-- rows: predictions of up or down for tweets whose price moved. minutes
-- and days: different minutes of entry, and trading days. accuracy: share of correct predictions;
-- accuracy_low and accuracy_high: its 95 % interval by Student's t over days, as tweets of a day
-- share its prices; null for a single day, or if no day differs; rough on fewer than about 20 days.
-- majority: accuracy of always predicting the more frequent direction of these rows.
-- $interval = null: minutes, or null for all
WITH days AS (
    SELECT
        s.model, s.model_id, s.symbol, s.interval_minutes, s.session_date,
        s.split,
        count(*) AS counted,
        count(DISTINCT minute_utc) AS minutes,
        count(*) FILTER (correct) AS hits,
        count(*) FILTER (outcome = 'up') AS ups
    FROM scored_days s
    WHERE target = 'direction' AND correct IS NOT NULL
        AND ($interval IS NULL OR interval_minutes = $interval)
    GROUP BY ALL
)
SELECT
    model, model_id, symbol, interval_minutes, split,
    sum(counted)::BIGINT AS rows,
    sum(minutes)::BIGINT AS minutes,
    count(*) AS days,
    round(sum(hits) / sum(counted), 4) AS accuracy,
    round(share_low_95(hits, counted), 4) AS accuracy_low,
    round(share_high_95(hits, counted), 4) AS accuracy_high,
    round(greatest(sum(ups), sum(counted - ups)) / sum(counted), 4) AS majority
FROM days
GROUP BY model, model_id, symbol, interval_minutes, split
ORDER BY
    model, model_id, symbol, interval_minutes,
    list_position(['before', 'train', 'validation', 'test', 'after', 'outside', 'unknown'], split);
