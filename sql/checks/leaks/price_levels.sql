-- One row: one place where the prices of $symbol go from one file to another by the factor of a split: one of
-- the two is adjusted for it, the other is not. What is between them is no return.
WITH neighbours AS (
    SELECT
        minute_utc, source_id, open,
        lag(source_id) OVER later AS source_before, lag(close) OVER later AS close_before,
        minute_utc - lag(minute_utc) OVER later AS passed
    FROM bars WHERE symbol = $symbol
    WINDOW later AS (ORDER BY minute_utc)
),
joints AS (
    SELECT *, greatest(open / close_before, close_before / open) AS factor
    FROM neighbours
    WHERE source_id <> source_before AND passed <= INTERVAL 5 DAYS
)
SELECT
    $symbol || ' at ' || minute_utc || ': ' || round(close_before, 4) || ' in source '
        || source_before || ', then ' || round(open, 4) || ' in source ' || source_id
        || ', a factor of ' || split AS problem
FROM joints
JOIN (SELECT unnest([1.5, 2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 40, 50, 100]) AS split)
    ON abs(factor / split - 1) < 0.03
ORDER BY minute_utc;
