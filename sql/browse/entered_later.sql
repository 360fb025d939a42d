-- One row: one post and symbol of the table joined, which waits for the next minute that can be entered.
SELECT
    j.*,
    coalesce(
        CASE
            WHEN NOT enters_at_once($interval, j.spacing_minutes)
                AND in_time(j.posted_utc, w.minute_utc, $interval, j.spacing_minutes, j.first_utc)
            THEN w.minute_utc
        END,
        j.first_minute_utc
    ) AS minute_utc
FROM joined j
ASOF LEFT JOIN (
    SELECT symbol, minute_utc FROM windows WHERE session = $session AND interval_minutes = $interval
) w ON w.symbol = j.symbol AND w.minute_utc >= j.first_minute_utc
