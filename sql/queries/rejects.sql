-- One row: one file and reason why some of its records could not be read.
-- first_line: line of the first of them; null if the format has no lines. share: of the records in
-- the file.
SELECT
    s.source_id, s.name AS file, r.reason,
    count(*) AS records,
    round(count(*) / nullif(s.rows_read, 0), 4) AS share,
    min(r.line) AS first_line
FROM rejects r
JOIN sources s USING (source_id)
GROUP BY s.source_id, s.name, s.rows_read, r.reason
ORDER BY s.source_id, records DESC, r.reason;
