-- One row: one minute of a stretch of trading of $symbol and one interval of $intervals; reads the table grid.
INSERT INTO windows
WITH paired AS (
    SELECT
        entry.session, entry.minute_utc, i.interval_minutes,
        entry.price AS entry_price,
        later.price AS exit_price,
        -- The exit lies inside the same stretch of trading; exactly at its close counts.
        entry.minute_utc + to_minutes(i.interval_minutes) > entry.close_utc AS crosses_close
    FROM grid entry
    CROSS JOIN (SELECT unnest($intervals::INTEGER[]) AS interval_minutes) i
    LEFT JOIN grid later
        ON later.session = entry.session AND later.open_utc = entry.open_utc
        AND later.minute_utc = entry.minute_utc + to_minutes(i.interval_minutes)
    WHERE entry.can_enter
)
SELECT
    $symbol, session, minute_utc, interval_minutes, entry_price, exit_price,
    (exit_price / entry_price - 1) * 10000 AS return_bps,
    CASE
        WHEN entry_price IS NULL THEN 'no_entry'
        WHEN crosses_close THEN 'crosses_close'
        WHEN exit_price IS NULL THEN 'no_exit'
        ELSE 'ok'
    END AS status
FROM paired;
