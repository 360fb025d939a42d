-- One row: one minute of a session of $symbol, from its open to its close, and the price known then.
CREATE OR REPLACE TEMP TABLE grid AS
WITH span AS (
    SELECT min(minute_utc) AS first_utc, max(minute_utc) + INTERVAL 1 MINUTE AS last_utc
    FROM bars WHERE symbol = $symbol
),
bounds AS (
    SELECT
        session, open_utc, close_utc,
        lead(open_utc) OVER (PARTITION BY session ORDER BY open_utc) AS next_open_utc
    FROM sessions WHERE symbol = $symbol
),
minutes AS (
    SELECT *, unnest(generate_series(open_utc, close_utc, INTERVAL 1 MINUTE)) AS minute_utc
    FROM bounds
),
closes AS (
    SELECT
        m.*,
        CASE
            -- A session's first minute has no closed bar yet: the open of the bar that begins there.
            WHEN m.minute_utc = m.open_utc THEN beginning.open
            -- A bar is known only once it has closed, and only inside the session.
            ELSE done.close
        END AS fresh_price
    FROM minutes m
    LEFT JOIN bars done
        ON done.symbol = $symbol AND done.minute_utc = m.minute_utc - INTERVAL 1 MINUTE
    LEFT JOIN bars beginning
        ON beginning.symbol = $symbol AND beginning.minute_utc = m.minute_utc
        AND m.minute_utc = m.open_utc
)
SELECT
    session, open_utc, close_utc, minute_utc,
    -- The minutes are dense, so the frame's rows are the price's age in minutes.
    last_value(fresh_price IGNORE NULLS) OVER (
        PARTITION BY session, open_utc ORDER BY minute_utc
        ROWS BETWEEN $max_gap_minutes PRECEDING AND CURRENT ROW
    ) AS price,
    -- Before the first bar and after the last there is no data, whatever the calendar says; and
    -- where one session opens the minute another closes, the minute belongs to the one that opens.
    minute_utc BETWEEN (SELECT first_utc FROM span) AND (SELECT last_utc FROM span)
        AND (minute_utc < close_utc OR close_utc IS DISTINCT FROM next_open_utc) AS can_enter
FROM closes;
