-- One row: one of the first ten rejects of each file.
SELECT source_id AS source, line, byte_offset, reason
FROM rejects
QUALIFY row_number() OVER (PARTITION BY source_id ORDER BY byte_offset) <= 10
ORDER BY source_id, byte_offset;
