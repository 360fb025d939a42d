-- One row: one model, symbol, interval and part of its data.
-- split: train and validation are the parts that the model was trained on, so their accuracy is no
-- evidence of skill; an accuracy far above that of test shows overfitting. before: earlier than all
-- parts, with later words and prices known to the model. after: later than all parts. unknown: the
-- model's card has no dates. rows: predictions of up or down for tweets
-- whose price moved. accuracy: share of correct predictions. majority: accuracy of always
-- predicting the more frequent direction of these rows.
-- $interval = null: minutes, or null for all
SELECT
    model, model_id, symbol, interval_minutes, split,
    count(*) AS rows,
    round(avg(correct::INTEGER), 4) AS accuracy,
    round(greatest(avg((direction = 'up')::INTEGER), avg((direction = 'down')::INTEGER)), 4) AS majority
FROM scored
WHERE correct IS NOT NULL
    AND ($interval IS NULL OR interval_minutes = $interval)
GROUP BY model, model_id, symbol, interval_minutes, split
ORDER BY
    model, model_id, symbol, interval_minutes,
    list_position(['before', 'train', 'validation', 'test', 'after', 'unknown'], split);
