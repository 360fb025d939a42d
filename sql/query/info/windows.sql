-- One row: one symbol, session and interval, with the number of windows of each status.
SELECT
    symbol, session, interval_minutes AS minutes,
    count(*) FILTER (status = 'ok') AS ok,
    count(*) FILTER (status = 'no_entry') AS no_entry,
    count(*) FILTER (status = 'no_exit') AS no_exit,
    count(*) FILTER (status = 'crosses_close') AS crosses_close
FROM windows GROUP BY ALL ORDER BY ALL;
