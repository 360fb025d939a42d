-- One row: the window at which a post meets $symbol in $session.
SELECT
    w.minute_utc, w.exit_utc, w.entry_price, w.exit_price, w.return_bps, w.status, w.session_date
FROM windows w
WHERE w.symbol = $symbol AND w.session = $session AND w.interval_minutes = $interval
    AND w.minute_utc >= entry_minute($posted) AND in_time($posted, w.minute_utc, $interval, $spacing, $first)
ORDER BY w.minute_utc LIMIT 1;
