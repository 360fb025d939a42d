-- One row: one minute of a stretch of trading of $symbol and one interval in minutes of $intervals; reads the
-- table grid.
INSERT INTO windows BY NAME
WITH paired AS (
    SELECT
        entry.session, entry.session_date, entry.minute_utc, i.interval_minutes,
        entry.price AS entry_price,
        entry.minute_utc + to_minutes(i.interval_minutes) AS exit_utc,
        -- The exit lies inside the same stretch of trading; exactly at its close counts.
        exit_utc > entry.close_utc AS crosses_close,
        CASE WHEN NOT crosses_close THEN later.price END AS exit_price
    FROM grid entry
    CROSS JOIN (SELECT unnest($intervals::INTEGER[]) AS interval_minutes) i
    LEFT JOIN grid later ON later.key = entry.key + minute_keys(i.interval_minutes)
    WHERE entry.can_enter
)
SELECT
    $symbol AS symbol, session, minute_utc, interval_minutes, entry_price, exit_price,
    (exit_price / entry_price - 1) * 10000 AS return_bps,
    CASE
        WHEN entry_price IS NULL THEN 'no_entry'
        WHEN crosses_close THEN 'crosses_close'
        WHEN exit_price IS NULL THEN 'no_exit'
        ELSE 'ok'
    END AS status,
    exit_utc, session_date
FROM paired;
