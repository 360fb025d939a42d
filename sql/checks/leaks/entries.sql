-- One row: the price at which one minute is entered; known in that minute.
SELECT
    symbol || ' ' || session || ' at ' || minute_utc AS row,
    minute_utc AS known_utc,
    coalesce(any_value(entry_price)::VARCHAR, 'no price') AS value
FROM windows
GROUP BY symbol, session, minute_utc;
