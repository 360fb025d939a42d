-- One row: one minute of a session and interval with more than one window, of the minutes in part
-- $part of $parts.
SELECT
    symbol || ' ' || session || ' at ' || minute_utc || ', ' || interval_minutes || ' minutes, is there '
        || count(*) || ' times' AS problem
FROM windows
WHERE hash(minute_utc) % $parts::UBIGINT = $part::UBIGINT
GROUP BY symbol, session, minute_utc, interval_minutes
HAVING count(*) > 1;
