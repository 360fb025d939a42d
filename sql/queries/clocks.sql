-- One row: one file, with the clock of its times and how that clock was verified.
-- first_utc and last_utc: of the rows that the database holds from the file; null if there are
-- none.
SELECT
    s.source_id, s.name AS file, s.kind, s.format, s.symbol, s.clock,
    min(r.at_utc) AS first_utc, max(r.at_utc) AS last_utc
FROM sources s
LEFT JOIN (
    SELECT source_id, posted_utc AS at_utc FROM tweets
    UNION ALL
    SELECT source_id, minute_utc FROM bars
) r USING (source_id)
GROUP BY ALL
ORDER BY s.source_id;
