-- One row: one hour with posts, the latest first.
SELECT date_trunc('hour', posted_utc) AS hour_utc, count(*) AS posts
FROM tweets GROUP BY hour_utc ORDER BY hour_utc DESC;
