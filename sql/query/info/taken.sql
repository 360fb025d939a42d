-- One row: one file, what of it was taken for what, and what is doubtful or missing in what was stored.
SELECT source_id AS source, parse_filename(name) AS file, taken, warnings
FROM sources WHERE taken IS NOT NULL OR warnings IS NOT NULL ORDER BY source_id;
