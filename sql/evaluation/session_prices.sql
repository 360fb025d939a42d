-- One row: one minute of a session of $symbol that has a price, with its place in the session and the part
-- of the data of $model_id that the session lies in: that of its last minute.
SELECT
    w.minute_utc, d.session_date, d.open_utc,
    date_diff('minute', d.open_utc, d.close_utc) AS minutes,
    date_diff('minute', d.open_utc, w.minute_utc) AS minute,
    w.entry_price AS price,
    split_of(
        d.close_utc - INTERVAL 1 MINUTE, d.close_utc - INTERVAL 1 MINUTE,
        m.train_from_utc, m.validation_from_utc, m.test_from_utc, m.test_until_utc, m.knows_until_utc
    ) AS split,
    unseen(split) AS unseen
FROM windows w
-- Where one session opens the minute another closes, the minute belongs to the one that opens.
ASOF JOIN sessions d
    ON d.symbol = w.symbol AND d.session = w.session AND w.minute_utc >= d.open_utc
JOIN models m ON m.model_id = $model_id
WHERE w.symbol = $symbol AND w.session = $session AND w.interval_minutes = $interval
    AND w.entry_price IS NOT NULL AND w.minute_utc <= d.close_utc
ORDER BY w.minute_utc;
