-- One row: one month with tweets, named by its first day.
SELECT date_trunc('month', posted_utc)::DATE AS month, count(*) AS tweets
FROM tweets GROUP BY ALL ORDER BY month;
