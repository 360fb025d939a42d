-- One row: one model that has predicted, with its intervals, which labels have none of, and the smallest probability
-- that its likeliest class can have. Those of the market come first.
SELECT
    m.model_id, m.name, m.target, coalesce(list(p.interval_minutes ORDER BY p.interval_minutes)
        FILTER (p.interval_minutes IS NOT NULL), []) AS intervals,
    m.classes,
    -- Probabilities that add up to 1 leave the likeliest one at least its share; FLOAT rounds.
    CASE
        WHEN coalesce(json_extract_string(m.card, '$.text_model.function'), 'softmax') = 'softmax'
        THEN 1 / len(m.classes) - 1e-4
        ELSE 0
    END AS least
FROM models m
JOIN (SELECT DISTINCT model_id, interval_minutes FROM predictions) p USING (model_id)
GROUP BY ALL
ORDER BY len(intervals) = 0, m.name, m.model_id;
