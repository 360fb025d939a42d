-- One row: one minute at which a bar of $symbol begins or ends, and the price known then. This is the grid of
-- bars of $spacing_minutes, more than one; a price is as old as $max_gap_minutes at most.
CREATE OR REPLACE TEMP TABLE grid AS
WITH own AS (SELECT * FROM bars WHERE symbol = $symbol),
span AS (
    SELECT min(minute_utc) AS first_utc, max(minute_utc) + to_minutes($spacing_minutes) AS last_utc
    FROM own
),
-- Bars are counted from the open of their session, or else from a minute of the day that all share.
usual AS (SELECT mode(epoch(minute_utc)::BIGINT // 60 % $spacing_minutes) AS minute FROM own),
counted AS (
    SELECT
        s.session, s.open_utc, s.close_utc,
        coalesce(
            avg((date_diff('minute', s.open_utc, b.minute_utc) % $spacing_minutes = 0)::INTEGER), 1
        ) >= 0.5 AS from_open
    FROM stretches s
    LEFT JOIN own b ON b.minute_utc >= s.open_utc AND b.minute_utc < s.close_utc
    WHERE s.symbol = $symbol AND $spacing_minutes < 1440
    GROUP BY ALL
),
anchored AS (
    SELECT
        session, open_utc, close_utc,
        CASE
            WHEN from_open THEN open_utc
            ELSE open_utc + to_minutes(
                (((SELECT minute FROM usual) - epoch(open_utc)::BIGINT // 60) % $spacing_minutes
                + $spacing_minutes) % $spacing_minutes
            )
        END AS first_utc
    FROM counted
),
boundaries AS (
    SELECT DISTINCT
        session, open_utc, close_utc,
        unnest([open_utc, close_utc] || generate_series(
            first_utc, close_utc, to_minutes($spacing_minutes)
        )) AS minute_utc
    FROM anchored
    UNION
    -- Daily bars begin and end with their session, several of which are one stretch where none pauses.
    SELECT s.session, s.open_utc, s.close_utc, unnest([d.open_utc, d.close_utc])
    FROM stretches s
    JOIN sessions d
        ON d.symbol = s.symbol AND d.session = s.session
        AND d.open_utc >= s.open_utc AND d.close_utc <= s.close_utc
    WHERE s.symbol = $symbol AND $spacing_minutes = 1440
),
ordered AS (
    SELECT
        *,
        lag(minute_utc) OVER (PARTITION BY session, open_utc ORDER BY minute_utc) AS before_utc
    FROM boundaries
),
closes AS (
    SELECT
        o.*, own.minute_utc AS bar_utc,
        CASE
            WHEN o.before_utc IS NULL THEN beginning.open
            -- The first bar of a session may be stamped before its open, the last be a short one.
            WHEN own.minute_utc >= least(
                o.before_utc, o.minute_utc - to_minutes($spacing_minutes % 1440)
            ) THEN own.close
        END AS fresh_price
    FROM ordered o
    ASOF LEFT JOIN own ON o.minute_utc > own.minute_utc
    LEFT JOIN own beginning ON beginning.minute_utc = o.minute_utc
)
SELECT
    c.session, c.open_utc, c.close_utc, d.session_date, c.minute_utc,
    minute_key(c.session, c.minute_utc) AS key,
    last_value(fresh_price IGNORE NULLS) OVER (
        PARTITION BY c.session, c.open_utc ORDER BY c.minute_utc
        RANGE BETWEEN to_minutes($max_gap_minutes) PRECEDING AND CURRENT ROW
    ) AS price,
    c.minute_utc BETWEEN (SELECT first_utc FROM span) AND (SELECT last_utc FROM span) AS can_enter
FROM closes c
-- Where one session opens the minute another closes, the minute belongs to the one that opens.
ASOF JOIN sessions d
    ON d.symbol = $symbol AND d.session = c.session AND c.minute_utc >= d.open_utc;
