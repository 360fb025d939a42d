-- One row: one window of the regular session of $symbol from $from_utc until $until_utc; of their
-- minutes about $minutes.
SELECT minute_utc, interval_minutes, exit_utc, entry_price, exit_price, status
FROM windows
WHERE symbol = $symbol AND session = 'regular'
    AND minute_utc >= $from_utc AND minute_utc <= $until_utc
    -- What leaves later is not in these bars.
    AND coalesce(exit_utc, $until_utc::TIMESTAMP + INTERVAL 1 SECOND) <= $until_utc::TIMESTAMP
    AND hash(minute_utc) % greatest(
        1, date_diff('minute', $from_utc::TIMESTAMP, $until_utc::TIMESTAMP) // (4 * $minutes)
    )::UBIGINT = 0
ORDER BY minute_utc, interval_minutes;
