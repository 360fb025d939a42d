-- One row: one staged bar that takes a minute's place: the best of its rivals in the file and in the
-- database. The order is total, so the order of files does not matter.
CREATE OR REPLACE TEMP TABLE contended_bars AS
WITH observations AS (
    SELECT * EXCLUDE (line, byte_offset), true AS fresh FROM staged_bars
    UNION ALL BY NAME
    SELECT * EXCLUDE (source_id), false AS fresh
    FROM bars SEMI JOIN staged_bars USING (symbol, minute_utc)
)
SELECT
    *,
    bool_or(NOT fresh) OVER (PARTITION BY symbol, minute_utc) AS known
FROM observations
QUALIFY row_number() OVER (
    PARTITION BY symbol, minute_utc
    ORDER BY volume DESC NULLS LAST, high - low DESC, close DESC, open DESC, high DESC,
        low DESC, fresh
) = 1;
