-- One row: one interval and status, with the number of predictions: why tweets have no window.
SELECT interval_minutes, status, count(*) AS predictions
FROM scored GROUP BY ALL ORDER BY interval_minutes, predictions DESC, status;
