-- Table abnormal_bars, a row a bar of the symbol $name, whose price moves by what $symbol moves beyond the table
-- market_models; where $in_volatility, one basis point is its usual move of a minute. From one session of
-- $session to the next the price stays.
CREATE OR REPLACE TEMP TABLE abnormal_bars AS
WITH paired AS (
    SELECT
        d.open_utc, own.minute_utc, m.*,
        date_diff('minute', min(own.minute_utc) OVER day, own.minute_utc) AS minutes,
        ln(own.open / first_value(own.open) OVER day) * 10000 AS opened,
        ln(own.close / first_value(own.open) OVER day) * 10000 AS closed,
        ln(theirs.open / first_value(theirs.open) OVER day) * 10000 AS their_open,
        ln(theirs.close / first_value(theirs.open) OVER day) * 10000 AS their_close,
        CASE WHEN $in_volatility THEN m.deviation_bps ELSE 1 END AS unit
    FROM bars own
    JOIN bars theirs
        ON theirs.symbol = coalesce($benchmark, $symbol) AND theirs.minute_utc = own.minute_utc
    ASOF JOIN (FROM sessions WHERE symbol = $symbol AND session = $session) d
        ON own.minute_utc >= d.open_utc
    JOIN market_models m USING (session_date)
    WHERE own.symbol = $symbol AND own.minute_utc < d.close_utc AND m.deviation_bps > 0
    WINDOW day AS (PARTITION BY d.open_utc ORDER BY own.minute_utc)
),
abnormal AS (
    SELECT
        open_utc, minute_utc,
        (opened - alpha_bps * minutes - beta * their_open) / unit AS opened,
        (closed - alpha_bps * (minutes + 1) - beta * their_close) / unit AS closed
    FROM paired
),
begun AS (
    SELECT
        open_utc,
        coalesce(sum(arg_max(closed, minute_utc)) OVER (
            ORDER BY open_utc ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS base
    FROM abnormal GROUP BY open_utc
),
priced AS (
    SELECT
        minute_utc,
        100 * exp((base + opened) / 10000) AS open,
        100 * exp((base + closed) / 10000) AS close
    FROM abnormal JOIN begun USING (open_utc)
)
SELECT
    $name AS symbol, minute_utc, open, greatest(open, close) AS high, least(open, close) AS low,
    close, NULL::DOUBLE AS volume
FROM priced
ORDER BY minute_utc;
