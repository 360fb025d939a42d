-- One row: the return, times $sign, of the window that $skipped others lie before, from $begins on, or
-- $beyond it; null behind the last.
SELECT max(key) FROM (
    SELECT $sign * return_bps AS key FROM windows
    WHERE session = $session AND interval_minutes = $interval AND ($symbol IS NULL OR symbol = $symbol)
        AND ($sign * return_bps > $begins OR NOT $beyond AND $sign * return_bps = $begins)
    ORDER BY key LIMIT 1 OFFSET $skipped
);
