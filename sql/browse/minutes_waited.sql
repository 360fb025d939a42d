-- One row: one minute at which a post waits for a window whose return, times $sign, lies in a piece.
SELECT unnest(range(last_utc + INTERVAL 1 MINUTE, minute_utc + INTERVAL 1 MINUTE, INTERVAL 1 MINUTE))
FROM (
    SELECT
        return_bps, minute_utc,
        coalesce(
            lag(minute_utc) OVER (PARTITION BY symbol ORDER BY minute_utc), first_utc - INTERVAL 1 MINUTE
        ) AS last_utc
    FROM windows
    JOIN (SELECT symbol, min(open_utc) AS first_utc FROM sessions WHERE session = 'extended' GROUP BY symbol)
        USING (symbol)
    WHERE session = $session AND interval_minutes = $interval AND ($symbol IS NULL OR symbol = $symbol)
)
WHERE $sign * return_bps BETWEEN $begins AND $ends
