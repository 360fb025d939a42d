-- One row: how one window ends, and when that is known.
SELECT
    w.symbol || ' ' || w.session || ' at ' || w.minute_utc || ', ' || horizon(w.interval_minutes)
        || ' ahead' AS row,
    CASE
        -- Extended sessions are the bars' own: where one closes is known only once it has.
        WHEN w.session = 'extended' THEN greatest(d.close_utc, w.exit_utc)
        -- The exchange says in advance when it closes.
        WHEN w.status = 'crosses_close' THEN w.minute_utc
        ELSE w.exit_utc
    END AS known_utc,
    concat_ws(' ', w.status, w.exit_price, w.return_bps) AS value
FROM windows w
LEFT JOIN stretches d
    ON d.symbol = w.symbol AND d.session = 'extended' AND w.session = 'extended'
    AND w.minute_utc BETWEEN d.open_utc AND d.close_utc;
