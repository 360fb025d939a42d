-- One row: one model of large moves, symbol and interval, on rows that it has not learned from.
-- rows: predictions with an outcome of tweets outside the parts that the model has learned from. accuracy:
-- the share that came true. majority: that of always saying what happened more often in these very rows.
-- moved: the share with an absolute return above threshold_bps. said_move: the share of which that was said.
-- precision: the share of those that did move, null where none was said.
SELECT
    model, model_id, symbol, interval_minutes, threshold_bps,
    count(*) AS rows,
    round(avg(correct::INTEGER), 4) AS accuracy,
    round(greatest(avg((outcome = 'move')::INTEGER), avg((outcome = 'still')::INTEGER)), 4) AS majority,
    round(avg((outcome = 'move')::INTEGER), 4) AS moved,
    round(avg((predicted = 'move')::INTEGER), 4) AS said_move,
    round(avg((outcome = 'move')::INTEGER) FILTER (predicted = 'move'), 4) AS precision
FROM scored_moves
WHERE correct IS NOT NULL AND split IN ('test', 'outside')
GROUP BY ALL
ORDER BY ALL;
