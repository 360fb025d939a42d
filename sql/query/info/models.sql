-- One row: one model that has scored, and interval. It has seen nothing posted from knows_until_utc on; null: nobody
-- says.
SELECT model_id, name, interval_minutes AS minutes, count(*) AS predictions, knows_until_utc
FROM models LEFT JOIN predictions USING (model_id) GROUP BY ALL ORDER BY ALL;
