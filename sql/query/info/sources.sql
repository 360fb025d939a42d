-- One row: one file ingested, in the order of ingesting.
SELECT
    source_id AS source, parse_filename(name) AS file,
    rows_read AS read, stored, updated, duplicates, rejected, repaired
FROM sources ORDER BY source_id;
