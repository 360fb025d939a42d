-- One row: one observation of a bar that has several, those of $source_id being the fresh ones.
-- The one at place 1 stays; known is true if the database had the minute before. The order is total,
-- so the order of files does not matter.
CREATE OR REPLACE TEMP TABLE candidates AS
WITH contended AS (
    SELECT symbol, minute_utc FROM bars GROUP BY ALL
    HAVING count(*) > 1 AND bool_or(source_id = $source_id)
)
SELECT
    rowid AS row,
    symbol,
    minute_utc,
    source_id = $source_id AS fresh,
    bool_or(NOT fresh) OVER (PARTITION BY symbol, minute_utc) AS known,
    row_number() OVER (
        PARTITION BY symbol, minute_utc
        ORDER BY volume DESC NULLS LAST, high - low DESC, close DESC, open DESC, high DESC,
            low DESC, fresh
    ) AS place
FROM bars SEMI JOIN contended USING (symbol, minute_utc);
