-- One row: one file ingested, its format, and what is known of its clock.
SELECT source_id AS source, format, clock FROM sources ORDER BY source_id;
