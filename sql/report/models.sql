-- One row: one model that has predicted, with its intervals (none for labels, which have no interval).
SELECT
    m.model_id, m.name, m.target, m.uses_counts, m.knows_until_utc IS NOT NULL AS learned, m.card,
    coalesce(list(p.interval_minutes ORDER BY p.interval_minutes), []) AS intervals
FROM models m
JOIN (SELECT DISTINCT model_id, interval_minutes FROM predictions) p USING (model_id)
GROUP BY ALL
ORDER BY m.name, m.model_id;
