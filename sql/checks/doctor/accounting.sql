-- One row: one source whose counts contradict each other or the rows stored, or one table that does
-- not hold as many rows as its sources have stored.
WITH kept AS (
    SELECT 'tweets' AS kind, source_id, count(*) AS kept FROM tweets GROUP BY source_id
    UNION ALL
    SELECT 'bars', source_id, count(*) FROM bars GROUP BY source_id
),
refused AS (SELECT source_id, count(*) AS refused FROM rejects GROUP BY source_id),
counted AS (
    SELECT
        'source ' || source_id || ' (' || parse_filename(name) || '): ' AS source,
        rows_read,
        stored + updated AS brought,
        stored + updated + duplicates + rejected AS accounted,
        rejected,
        coalesce(kept, 0) AS kept,
        coalesce(refused, 0) AS refused
    FROM sources LEFT JOIN kept USING (kind, source_id) LEFT JOIN refused USING (source_id)
),
totals AS (
    SELECT
        kind,
        (SELECT coalesce(sum(stored), 0) FROM sources WHERE sources.kind = kinds.kind) AS stored,
        (SELECT coalesce(sum(kept), 0) FROM kept WHERE kept.kind = kinds.kind) AS held
    FROM (VALUES ('tweets'), ('bars')) AS kinds(kind)
)
SELECT source || rows_read || ' rows read, ' || accounted || ' accounted for' AS problem
FROM counted WHERE rows_read <> accounted
UNION ALL
SELECT source || rejected || ' rejected, ' || refused || ' in rejects'
FROM counted WHERE rejected <> refused
UNION ALL
-- Fewer is right: a later source may have replaced some.
SELECT source || brought || ' stored or updated, ' || kept || ' there'
FROM counted WHERE kept > brought
UNION ALL
SELECT kind || ': ' || stored || ' stored by all sources, ' || held || ' there'
FROM totals WHERE stored <> held;
