-- One row: one model of large moves, symbol and interval, on unseen tweets.
-- rows: predictions with an outcome, for tweets from the model's test part on.
-- accuracy: share of correct predictions. majority: accuracy of always predicting the more frequent
-- outcome of these rows. moved: share with an absolute return above threshold_bps. predicted_move:
-- share for which a move was predicted. precision: share of these that did move; null if none was
-- predicted.
SELECT
    model, model_id, symbol, interval_minutes, threshold_bps,
    count(*) AS rows,
    round(avg(correct::INTEGER), 4) AS accuracy,
    round(greatest(avg((outcome = 'move')::INTEGER), avg((outcome = 'still')::INTEGER)), 4) AS majority,
    round(avg((outcome = 'move')::INTEGER), 4) AS moved,
    round(avg((predicted = 'move')::INTEGER), 4) AS predicted_move,
    round(avg((outcome = 'move')::INTEGER) FILTER (predicted = 'move'), 4) AS precision
FROM scored_moves
WHERE correct IS NOT NULL AND unseen(split)
GROUP BY ALL
ORDER BY ALL;
