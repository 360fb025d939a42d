-- One row: how many windows a minute has, of all symbols that posts meet; null without any.
SELECT count(*) / nullif(date_diff('minute', min(minute_utc), max(minute_utc)), 0)
FROM windows WHERE session = $session AND interval_minutes = $interval AND ($symbol IS NULL OR symbol = $symbol);
