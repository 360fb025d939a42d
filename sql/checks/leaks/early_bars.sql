-- One row: one problem of $symbol whose bars are stamped earlier than they are, so that each price is known
-- too early: on most days they begin some minutes before the session opens, and end as many before it closes.
WITH days AS (
    SELECT session_date, min(open_utc) AS open_utc, max(close_utc) AS close_utc
    FROM sessions WHERE symbol = $symbol AND session = 'regular' GROUP BY session_date
),
edges AS (
    SELECT
        d.session_date,
        date_diff('minute', min(b.minute_utc), min(d.open_utc)) AS before_open,
        date_diff('minute', max(b.minute_utc), min(d.close_utc)) - min(spacing_minutes) AS before_close
    FROM bars b
    JOIN symbols USING (symbol)
    ASOF JOIN (SELECT *, open_utc - INTERVAL 1 HOUR AS earliest_utc FROM days) d
        ON b.minute_utc >= d.earliest_utc
    WHERE b.symbol = $symbol AND b.minute_utc < d.close_utc + INTERVAL 1 HOUR
        AND spacing_minutes < 1440  -- a daily bar is the whole session
    GROUP BY d.session_date
),
alike AS (
    SELECT before_open, count(*) AS days FROM edges
    WHERE before_open > 0 AND before_open = before_close GROUP BY before_open
)
SELECT
    format(
        '{}: on {} of {} days its bars begin {} min before the session opens, and end as many before it closes',
        $symbol, days, (SELECT count(*) FROM edges), before_open
    ) AS problem
FROM alike
WHERE days >= greatest(10, 0.8 * (SELECT count(*) FROM edges));
