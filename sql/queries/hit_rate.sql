-- One row: one model, symbol and interval, on unseen tweets.
-- rows: predictions of up or down for unseen tweets whose price moved; unseen means from the
-- model's test part on, or outside. minutes and days: different minutes of entry, and trading days. accuracy:
-- share of correct predictions; accuracy_low and accuracy_high: its 95 % interval by Student's t
-- over days, as tweets of a day share its prices; null for a single day, or if no day differs;
-- rough on fewer than about 20 days. majority: accuracy of always predicting the more frequent
-- direction of these rows. tweetscore evaluate tests whether there is skill beyond the clock and
-- the market's past.
WITH days AS (
    SELECT
        s.model, s.model_id, s.symbol, s.interval_minutes, s.session_date,
        count(*) AS counted,
        count(DISTINCT minute_utc) AS minutes,
        count(*) FILTER (correct) AS hits,
        count(*) FILTER (outcome = 'up') AS ups
    FROM scored_days s
    WHERE target = 'direction' AND correct IS NOT NULL AND unseen(split)
    GROUP BY ALL
)
SELECT
    model, model_id, symbol, interval_minutes,
    sum(counted)::BIGINT AS rows,
    sum(minutes)::BIGINT AS minutes,
    count(*) AS days,
    round(sum(hits) / sum(counted), 4) AS accuracy,
    round(share_low_95(hits, counted), 4) AS accuracy_low,
    round(share_high_95(hits, counted), 4) AS accuracy_high,
    round(greatest(sum(ups), sum(counted - ups)) / sum(counted), 4) AS majority
FROM days
GROUP BY model, model_id, symbol, interval_minutes
ORDER BY ALL;
