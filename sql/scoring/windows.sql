-- One row: one window of one of $intervals in the regular session.
FROM windows
WHERE session = 'regular' AND list_contains($intervals::INTEGER[], interval_minutes)
ORDER BY symbol, minute_utc, interval_minutes;
