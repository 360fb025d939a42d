-- One row: one symbol and trading day of its regular session, with the minutes that have no bar.
-- minutes: from open to close by the exchange's calendar. longest_gap_minutes: the longest run of
-- minutes without a bar. Most files have no bar for a minute without a trade, so a missing minute
-- need not be a fault. Prices older than settings.max_gap_minutes are not used.
-- $least = 0: smallest number of missing minutes
WITH marks AS (
    SELECT d.symbol, d.session_date, d.open_utc, b.minute_utc
    FROM sessions d
    JOIN bars b
        ON b.symbol = d.symbol AND b.minute_utc >= d.open_utc AND b.minute_utc < d.close_utc
    WHERE d.session = 'regular'
    UNION ALL
    SELECT symbol, session_date, open_utc, close_utc FROM sessions WHERE session = 'regular'
),
gaps AS (
    SELECT
        symbol, session_date,
        date_diff(
            'minute',
            lag(minute_utc, 1, open_utc - INTERVAL 1 MINUTE) OVER (
                PARTITION BY symbol, session_date ORDER BY minute_utc
            ),
            minute_utc
        ) - 1 AS gap_minutes
    FROM marks
)
SELECT
    d.symbol, d.session_date,
    date_diff('minute', d.open_utc, d.close_utc) AS minutes,
    count(*) - 1 AS bars,  -- the close is a mark, but no bar
    minutes - (count(*) - 1) AS missing,
    max(g.gap_minutes) AS longest_gap_minutes
FROM sessions d
JOIN gaps g USING (symbol, session_date)
WHERE d.session = 'regular'
GROUP BY d.symbol, d.session_date, d.open_utc, d.close_utc
HAVING missing >= $least
ORDER BY ALL;
