-- One row: one file and reason; the values that a reason quotes are left out, so that like ones count
-- together. The 200 most frequent, and where the first of each stands.
WITH plain AS (
    SELECT
        s.source_id, parse_filename(s.name) AS file, r.line,
        regexp_replace(
            regexp_replace(r.reason, ': ''.*', '', 's'), '(\d+-\d+-\d+ )?\d+:\d+:\d+', '…', 'g'
        ) AS reason
    FROM rejects r JOIN sources s USING (source_id)
)
SELECT file, reason, count(*) AS records, min(line) AS first_line
FROM plain
GROUP BY source_id, file, reason
ORDER BY records DESC, file, reason, source_id
LIMIT 200;
