-- One row: one unbroken run of bars of $symbol, each of $spacing_minutes; a gap of 30 minutes or more ends it.
SELECT min(minute_utc) AS open_utc, max(minute_utc) + to_minutes($spacing_minutes) AS close_utc
FROM (
    SELECT minute_utc, sum(starts) OVER (ORDER BY minute_utc) AS run
    FROM (
        SELECT
            minute_utc,
            -- The gap is from the close of one bar to the open of the next.
            coalesce(
                minute_utc - lag(minute_utc) OVER (ORDER BY minute_utc)
                >= to_minutes($spacing_minutes + 30),
                true
            )::INTEGER AS starts
        FROM bars WHERE symbol = $symbol
    )
)
GROUP BY run
ORDER BY open_utc;
