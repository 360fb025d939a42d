-- One row: one model of a target of the market that has predicted, with its intervals.
SELECT m.model_id, m.name, m.target, list(p.interval_minutes ORDER BY p.interval_minutes) AS intervals
FROM models m
JOIN (SELECT DISTINCT model_id, interval_minutes FROM predictions) p USING (model_id)
WHERE positive_class(m.target) IS NOT NULL
GROUP BY ALL
ORDER BY m.name, m.model_id;
