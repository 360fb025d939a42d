-- One row: one model that has scored, and interval.
SELECT model_id, name, interval_minutes AS minutes, count(*) AS predictions
FROM models LEFT JOIN predictions USING (model_id) GROUP BY ALL ORDER BY ALL;
