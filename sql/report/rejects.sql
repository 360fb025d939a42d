-- One row: one file and reason, with the line of the first record. Values quoted in a reason are left out,
-- so that equal reasons count together. Only the 200 most frequent are listed.
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
