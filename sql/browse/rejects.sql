-- One row: one record that could not be read, by file and place.
SELECT parse_filename(s.name) AS file, r.line, r.byte_offset, r.reason, r.raw
FROM rejects r LEFT JOIN sources s USING (source_id)
ORDER BY r.source_id, r.byte_offset, r.line LIMIT $most OFFSET $skipped;
