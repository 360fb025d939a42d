-- One row: one symbol.
SELECT
    symbol, calendar, count(*) AS bars,
    min(minute_utc) AS first_utc, max(minute_utc) AS last_utc
FROM bars JOIN symbols USING (symbol) GROUP BY ALL ORDER BY symbol;
