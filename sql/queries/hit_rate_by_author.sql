-- One row: one model, symbol, interval and author, on unseen tweets.
-- rows: predictions of up or down for unseen tweets whose price moved; unseen means from the
-- model's test part on, or outside. minutes and days: different minutes of entry, and trading days. accuracy:
-- share of correct predictions; accuracy_low and accuracy_high: its 95 % interval by Student's t
-- over days, as tweets of a day share its prices; null for a single day, or if no day differs;
-- rough on fewer than about 20 days. majority: accuracy of always predicting the more frequent
-- direction of these rows. author: null if the file names none. Among many authors some do well by
-- chance alone: of a hundred without skill, five lie outside their interval.
-- $interval = null: minutes, or null for all
-- $least = 30: smallest number of rows of an author
WITH days AS (
    SELECT
        s.model, s.model_id, s.symbol, s.interval_minutes, s.session_date,
        s.author AS author,
        count(*) AS counted,
        count(DISTINCT minute_utc) AS minutes,
        count(*) FILTER (correct) AS hits,
        count(*) FILTER (outcome = 'up') AS ups
    FROM scored_days s
    WHERE target = 'direction' AND correct IS NOT NULL AND unseen(split)
        AND ($interval IS NULL OR interval_minutes = $interval)
    GROUP BY ALL
)
SELECT
    model, model_id, symbol, interval_minutes, author,
    sum(counted)::BIGINT AS rows,
    sum(minutes)::BIGINT AS minutes,
    count(*) AS days,
    round(sum(hits) / sum(counted), 4) AS accuracy,
    round(share_low_95(hits, counted), 4) AS accuracy_low,
    round(share_high_95(hits, counted), 4) AS accuracy_high,
    round(greatest(sum(ups), sum(counted - ups)) / sum(counted), 4) AS majority
FROM days
GROUP BY model, model_id, symbol, interval_minutes, author
HAVING sum(counted) >= $least
ORDER BY ALL;
