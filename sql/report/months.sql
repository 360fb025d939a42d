-- One row: one month with tweets, named by its first day, with the number of tweets, and of those that meet
-- a window with both prices for $interval in $session of one of $symbols.
WITH spans AS (
    SELECT
        symbol, spacing_minutes, min(open_utc) AS first_utc,
        -- As in the view scored_any.
        CASE WHEN EXISTS (FROM link_rules) THEN symbol ELSE '' END AS linked
    FROM sessions JOIN symbols USING (symbol)
    WHERE session = 'extended' AND list_contains($symbols::VARCHAR[], symbol)
    GROUP BY symbol, spacing_minutes
),
met AS NOT MATERIALIZED (
    SELECT
        t.platform, t.tweet_id, t.posted_utc, entry_minute(t.posted_utc) AS minute_utc,
        s.symbol, s.spacing_minutes, s.first_utc
    FROM tweets t
    LEFT JOIN links l USING (platform, tweet_id)
    JOIN spans s ON s.linked = coalesce(l.symbol, '')
),
shown AS NOT MATERIALIZED (
    SELECT symbol, minute_utc, status FROM windows
    WHERE session = $session AND interval_minutes = $interval
),
reached AS (
    SELECT m.platform, m.tweet_id, m.posted_utc
    FROM met m JOIN shown w USING (symbol, minute_utc)
    WHERE enters_at_once($interval, m.spacing_minutes) AND w.status = 'ok'
    UNION
    -- Where not every minute can be entered, a post waits for the next one that can.
    SELECT m.platform, m.tweet_id, m.posted_utc
    FROM met m
    ASOF JOIN shown w ON w.symbol = m.symbol AND w.minute_utc >= m.minute_utc
    WHERE NOT enters_at_once($interval, m.spacing_minutes) AND w.status = 'ok'
        AND in_time(m.posted_utc, w.minute_utc, $interval, m.spacing_minutes, m.first_utc)
),
months AS (
    SELECT date_trunc('month', posted_utc)::DATE AS month, count(*) AS tweets
    FROM tweets GROUP BY ALL
)
SELECT month, tweets, coalesce(with_window, 0) AS with_window
FROM months
LEFT JOIN (
    SELECT date_trunc('month', posted_utc)::DATE AS month, count(*) AS with_window
    FROM reached GROUP BY ALL
) USING (month)
ORDER BY month;
