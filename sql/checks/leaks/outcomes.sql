-- One row: how one window ends, and when that is known.
SELECT
    w.symbol || ' ' || w.session || ' at ' || w.minute_utc || ', ' || w.interval_minutes
        || ' minutes' AS row,
    CASE
        -- Extended sessions are the bars' own: where one closes is known only once it has.
        WHEN w.session = 'extended' THEN d.close_utc
        -- The exchange says in advance when it closes.
        WHEN w.status = 'crosses_close' THEN w.minute_utc
        ELSE w.minute_utc + to_minutes(w.interval_minutes)
    END AS known_utc,
    concat_ws(' ', w.status, w.exit_price, w.return_bps) AS value
FROM windows w
LEFT JOIN stretches d
    ON d.symbol = w.symbol AND d.session = 'extended' AND w.session = 'extended'
    AND w.minute_utc BETWEEN d.open_utc AND d.close_utc;
