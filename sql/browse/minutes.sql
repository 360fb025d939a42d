-- One row: one minute at which a window begins whose return, times $sign, lies in a piece.
SELECT minute_utc FROM windows
WHERE session = $session AND interval_minutes = $interval AND ($symbol IS NULL OR symbol = $symbol)
    AND $sign * return_bps BETWEEN $begins AND $ends
