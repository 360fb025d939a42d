-- One row: one session of $symbol that touches a stretch of time, or the next one after it.
SELECT session_date, open_utc, close_utc FROM sessions
WHERE symbol = $symbol AND session = $session AND close_utc >= $from
ORDER BY open_utc LIMIT 8;
