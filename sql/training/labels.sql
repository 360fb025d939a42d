-- One row: one tweet that meets $symbol and interval, with a window in $session whose status is ok. Flat
-- windows are left out unless $keep_flat.
SELECT
    t.platform, t.tweet_id, t.posted_utc, t.text, t.retweet_count, t.favorite_count,
    d.session_date, d.close_utc, w.minute_utc, w.interval_minutes, w.return_bps,
    w.minute_utc + to_minutes(w.interval_minutes) AS exit_utc,
    -- As many minutes before, inside the session: known at the entry.
    past.return_bps AS past_bps,
    moved.volatility_bps, date_diff('minute', d.open_utc, w.minute_utc) AS minute_of_session
FROM tweets_of($symbol) t
JOIN windows w
    ON w.minute_utc = entry_minute(t.posted_utc)
JOIN sessions d
    ON d.symbol = w.symbol AND d.session = w.session
    AND w.minute_utc >= d.open_utc AND w.minute_utc < d.close_utc
LEFT JOIN windows past
    ON past.symbol = w.symbol AND past.session = w.session
    AND past.interval_minutes = w.interval_minutes AND past.status = 'ok'
    AND past.minute_utc = w.minute_utc - to_minutes(w.interval_minutes)
LEFT JOIN volatility_before($session) moved
    ON moved.symbol = w.symbol AND moved.minute_utc = w.minute_utc
CROSS JOIN settings
WHERE w.symbol = $symbol
    AND w.session = $session
    AND w.interval_minutes IN (SELECT unnest($intervals::INTEGER[]))
    AND w.status = 'ok'
    AND ($keep_flat OR abs(w.return_bps) > settings.flat_bps)
ORDER BY t.posted_utc, t.platform, t.tweet_id, w.interval_minutes;
