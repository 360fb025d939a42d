-- One row: one tweet that meets $symbol and interval, with a window in $session whose status is ok. Flat
-- windows are left out unless $keep_flat.
WITH asked AS (
    SELECT interval_minutes, spacing_minutes
    FROM symbols CROSS JOIN (SELECT unnest($intervals::INTEGER[]) AS interval_minutes)
    WHERE symbol = $symbol
),
own AS (
    FROM windows JOIN asked USING (interval_minutes)
    WHERE symbol = $symbol AND session = $session
),
entered AS (
    SELECT t.*, w.*
    FROM tweets_of($symbol) t
    JOIN own w ON w.minute_utc = entry_minute(t.posted_utc)
    WHERE enters_at_once(w.interval_minutes, w.spacing_minutes)
    UNION ALL
    SELECT t.*, w.*
    FROM tweets_of($symbol) t
    CROSS JOIN (
        SELECT interval_minutes AS waiting FROM asked
        WHERE NOT enters_at_once(interval_minutes, spacing_minutes)
    )
    ASOF JOIN own w
        ON w.interval_minutes = waiting AND w.minute_utc >= entry_minute(t.posted_utc)
    WHERE in_time(
        t.posted_utc, w.minute_utc, w.interval_minutes, w.spacing_minutes,
        (SELECT min(open_utc) FROM sessions WHERE symbol = $symbol AND session = 'extended')
    )
)
SELECT
    t.platform, t.tweet_id, t.symbol, t.posted_utc, t.text, t.retweet_count, t.favorite_count,
    d.session_date, d.close_utc, t.interval_minutes, t.minute_utc, t.return_bps, t.exit_utc,
    past.past_bps,
    moved.volatility_bps, date_diff('minute', d.open_utc, t.minute_utc) AS minute_of_session
FROM entered t
JOIN sessions d
    ON d.symbol = t.symbol AND d.session = t.session AND d.session_date = t.session_date
    AND t.minute_utc BETWEEN d.open_utc AND d.close_utc
LEFT JOIN move_before($session) past
    ON past.symbol = t.symbol AND past.interval_minutes = t.interval_minutes
    AND past.minute_utc = t.minute_utc
LEFT JOIN volatility_before($session) moved
    ON moved.symbol = t.symbol AND moved.minute_utc = t.minute_utc
CROSS JOIN settings
WHERE t.status = 'ok'
    AND ($keep_flat OR abs(t.return_bps) > settings.flat_bps);
