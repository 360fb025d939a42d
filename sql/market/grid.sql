-- One row: one minute of a stretch of trading of $symbol, from its open to its close, and the price
-- known then.
CREATE OR REPLACE TEMP TABLE grid AS
WITH span AS (
    SELECT min(minute_utc) AS first_utc, max(minute_utc) + INTERVAL 1 MINUTE AS last_utc
    FROM bars WHERE symbol = $symbol
),
days AS (
    SELECT
        session, session_date, open_utc AS from_utc,
        lead(open_utc) OVER (PARTITION BY session ORDER BY open_utc) AS next_utc
    FROM sessions WHERE symbol = $symbol
),
minutes AS (
    SELECT
        s.session, s.open_utc, s.close_utc, d.session_date,
        -- Where one session opens the minute another closes, the minute belongs to the one that opens.
        unnest(generate_series(
            d.from_utc, least(s.close_utc, d.next_utc - INTERVAL 1 MINUTE), INTERVAL 1 MINUTE
        )) AS minute_utc
    FROM days d
    ASOF JOIN stretches s
        ON s.symbol = $symbol AND s.session = d.session AND d.from_utc >= s.open_utc
),
opens AS (
    SELECT s.session, s.open_utc, b.open
    FROM stretches s JOIN bars b ON b.symbol = $symbol AND b.minute_utc = s.open_utc
    WHERE s.symbol = $symbol
),
closes AS (
    SELECT
        m.*,
        CASE
            -- The first minute after a break has no closed bar yet: the open of the bar that begins there.
            WHEN m.minute_utc = m.open_utc THEN beginning.open
            -- A bar is known only once it has closed, and only without a break since.
            ELSE done.close
        END AS fresh_price
    FROM minutes m
    LEFT JOIN bars done
        ON done.symbol = $symbol AND done.minute_utc = m.minute_utc - INTERVAL 1 MINUTE
    LEFT JOIN opens beginning
        ON beginning.session = m.session AND beginning.open_utc = m.minute_utc
)
SELECT
    session, open_utc, close_utc, session_date, minute_utc, minute_key(session, minute_utc) AS key,
    -- The minutes are dense, so the frame's rows are the price's age in minutes.
    last_value(fresh_price IGNORE NULLS) OVER (
        PARTITION BY session, open_utc ORDER BY minute_utc
        ROWS BETWEEN $max_gap_minutes PRECEDING AND CURRENT ROW
    ) AS price,
    -- Before the first bar and after the last there is no data, whatever the calendar says.
    minute_utc BETWEEN (SELECT first_utc FROM span) AND (SELECT last_utc FROM span) AS can_enter
FROM closes;
