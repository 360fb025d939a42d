-- One row: one observation of a bar that has several; those of $first_source and later are fresh.
-- The one at place 1 stays. known is true if an earlier file had the minute, leads if no observation of
-- this or an earlier file is better. The order is total, so the order of files does not matter.
CREATE OR REPLACE TEMP TABLE candidates AS
WITH contended AS (
    SELECT symbol, minute_utc FROM bars GROUP BY ALL
    HAVING count(*) > 1 AND bool_or(source_id >= $first_source)
), placed AS (
    SELECT
        rowid AS row,
        symbol,
        minute_utc,
        source_id,
        row_number() OVER (
            PARTITION BY symbol, minute_utc
            ORDER BY volume DESC NULLS LAST, high - low DESC, close DESC, open DESC, high DESC,
                low DESC, source_id
        ) AS place
    FROM bars SEMI JOIN contended USING (symbol, minute_utc)
)
SELECT
    *,
    source_id >= $first_source AS fresh,
    source_id > min(source_id) OVER (PARTITION BY symbol, minute_utc) AS known,
    place = min(place) OVER (
        PARTITION BY symbol, minute_utc ORDER BY source_id
        RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS leads
FROM placed;
