-- One row: one date of $symbol in $session and what the $days dates before it say of a minute: by least
-- squares its return in basis points is alpha_bps + beta times that of $benchmark, with deviation_bps around
-- it. Without a benchmark (null) alpha and beta are 0. Minutes count where both have two bars in a row.
CREATE OR REPLACE TEMP TABLE market_models AS
WITH moves AS (
    SELECT
        d.session_date,
        ln(own.close / lag(own.close) OVER later) * 10000 AS y,
        ln(theirs.close / lag(theirs.close) OVER later) * 10000 AS x,
        own.minute_utc - lag(own.minute_utc) OVER later = INTERVAL 1 MINUTE AS in_a_row
    FROM bars own
    JOIN bars theirs
        ON theirs.symbol = coalesce($benchmark, $symbol) AND theirs.minute_utc = own.minute_utc
    ASOF JOIN (FROM sessions WHERE symbol = $symbol AND session = $session) d
        ON own.minute_utc >= d.open_utc
    WHERE own.symbol = $symbol AND own.minute_utc < d.close_utc
    WINDOW later AS (PARTITION BY d.open_utc ORDER BY own.minute_utc)
),
dates AS (
    SELECT
        session_date, count(*) AS n,
        sum(x) AS x, sum(y) AS y, sum(x * x) AS xx, sum(x * y) AS xy, sum(y * y) AS yy
    FROM moves WHERE in_a_row
    GROUP BY session_date
),
summed AS (
    SELECT
        session_date, count(*) OVER before AS days, sum(n) OVER before AS n,
        sum(x) OVER before AS x, sum(y) OVER before AS y,
        sum(xx) OVER before AS xx, sum(xy) OVER before AS xy, sum(yy) OVER before AS yy
    FROM dates
    -- Never the date itself: its own prices would explain themselves.
    WINDOW before AS (ORDER BY session_date ROWS BETWEEN $days PRECEDING AND 1 PRECEDING)
),
fitted AS (
    SELECT
        *,
        CASE WHEN $benchmark IS NULL THEN 0 ELSE (n * xy - x * y) / nullif(n * xx - x * x, 0) END
            AS slope
    FROM summed WHERE days = $days
)
SELECT
    session_date,
    CASE WHEN $benchmark IS NULL THEN 0 ELSE (y - slope * x) / n END AS alpha_bps,
    slope AS beta,
    CASE
        WHEN $benchmark IS NULL THEN sqrt(yy / n)
        ELSE sqrt(greatest(yy - y * y / n - slope * (xy - x * y / n), 0) / (n - 2))
    END AS deviation_bps
FROM fitted
WHERE slope IS NOT NULL AND n > 2
ORDER BY session_date;
