-- One row: one file ingested, in the order of ingesting.
SELECT source_id AS source, name, format, symbol, rows_read, stored, updated, duplicates, rejected, clock
FROM sources ORDER BY source_id;
