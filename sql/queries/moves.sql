-- One row: one model of large moves, symbol and interval, on unseen tweets.
-- rows: predictions with an outcome, for tweets that the model has not seen. minutes and days:
-- different minutes of entry, and trading days. accuracy: share of correct predictions;
-- accuracy_low and accuracy_high: its 95 % interval by Student's t over days; null for a single day,
-- or if no day differs. majority: accuracy of always predicting the more frequent outcome of these
-- rows. moved: share with an absolute return above threshold_bps. predicted_move: share for which a
-- move was predicted. precision: share of these that did move, without an interval; null if none was
-- predicted.
WITH days AS (
    SELECT
        model, model_id, symbol, interval_minutes, threshold_bps, session_date,
        count(*) AS counted,
        count(DISTINCT minute_utc) AS minutes,
        count(*) FILTER (correct) AS hits,
        count(*) FILTER (outcome = 'move') AS moves,
        count(*) FILTER (predicted = 'move') AS predictions,
        count(*) FILTER (predicted = 'move' AND correct) AS right_moves
    FROM scored_days
    WHERE target = 'move' AND correct IS NOT NULL AND unseen(split)
    GROUP BY ALL
)
SELECT
    model, model_id, symbol, interval_minutes, threshold_bps,
    sum(counted)::BIGINT AS rows,
    sum(minutes)::BIGINT AS minutes,
    count(*) AS days,
    round(sum(hits) / sum(counted), 4) AS accuracy,
    round(share_low_95(hits, counted), 4) AS accuracy_low,
    round(share_high_95(hits, counted), 4) AS accuracy_high,
    round(greatest(sum(moves), sum(counted - moves)) / sum(counted), 4) AS majority,
    round(sum(moves) / sum(counted), 4) AS moved,
    round(sum(predictions) / sum(counted), 4) AS predicted_move,
    round(sum(right_moves) / nullif(sum(predictions), 0), 4) AS precision
FROM days
GROUP BY model, model_id, symbol, interval_minutes, threshold_bps
ORDER BY ALL;
