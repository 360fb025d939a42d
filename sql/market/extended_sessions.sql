-- One row: one unbroken run of bars of $symbol; a gap of 30 minutes or more ends it.
SELECT min(minute_utc) AS open_utc, max(minute_utc) + INTERVAL 1 MINUTE AS close_utc
FROM (
    SELECT minute_utc, sum(starts) OVER (ORDER BY minute_utc) AS run
    FROM (
        SELECT
            minute_utc,
            -- From the close of one bar to the next: 31 minutes from open to open.
            coalesce(
                minute_utc - lag(minute_utc) OVER (ORDER BY minute_utc) >= INTERVAL 31 MINUTES, true
            )::INTEGER AS starts
        FROM bars WHERE symbol = $symbol
    )
)
GROUP BY run
ORDER BY open_utc;
