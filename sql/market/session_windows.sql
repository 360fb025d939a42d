-- One row: one minute of entry of $symbol and one of $intervals in sessions; reads the table grid. A minute at
-- which one session closes and the next opens belongs to the one that closes.
INSERT INTO windows BY NAME
WITH days AS (
    SELECT
        session, session_date, min(open_utc) AS open_utc, max(close_utc) AS close_utc,
        row_number() OVER (PARTITION BY session ORDER BY session_date) AS place
    FROM sessions WHERE symbol = $symbol
    GROUP BY session, session_date
),
closes AS (
    SELECT d.session, d.place, d.close_utc, g.price
    FROM days d
    LEFT JOIN grid g ON g.session = d.session AND g.minute_utc = d.close_utc
),
dated AS (
    SELECT g.session, g.minute_utc, g.price, d.session_date, d.place
    FROM grid g
    ASOF JOIN days d
        ON d.session = g.session
        AND greatest(g.minute_utc - INTERVAL 1 MINUTE, g.open_utc) >= d.open_utc
    WHERE g.can_enter
)
SELECT
    $symbol AS symbol, entry.session, entry.minute_utc, i.interval_minutes,
    entry.price AS entry_price, later.price AS exit_price,
    (exit_price / entry_price - 1) * 10000 AS return_bps,
    CASE
        WHEN entry_price IS NULL THEN 'no_entry'
        WHEN exit_price IS NULL THEN 'no_exit'
        ELSE 'ok'
    END AS status,
    later.close_utc AS exit_utc, entry.session_date
FROM dated entry
CROSS JOIN (SELECT unnest($intervals::INTEGER[]) AS interval_minutes) i
LEFT JOIN closes later
    ON later.session = entry.session
    AND later.place = entry.place + sessions_of(i.interval_minutes);
