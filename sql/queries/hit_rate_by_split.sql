-- One row: one model, symbol, interval and part of its split.
-- split: train and validation are the parts that the model has learned from, whose accuracy is no
-- evidence of skill: far above that of test, it shows a model that has learned by heart. outside lies
-- before or after all parts; unknown is of a model whose card has no dates.
-- rows: predictions with an outcome (a flat window has none). accuracy: the share that came true.
-- majority: that of always saying what happened more often in these very rows.
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
    list_position(['train', 'validation', 'test', 'outside', 'unknown'], split);
