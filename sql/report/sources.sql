-- One row: one file ingested, in the order of ingesting.
SELECT
    parse_filename(name) AS file, kind, format, symbol, clock,
    rows_read, stored, updated, duplicates, rejected, repaired
FROM sources ORDER BY source_id;
