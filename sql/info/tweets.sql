-- One row: one platform and author.
SELECT
    platform, author, count(*) AS tweets,
    min(posted_utc) AS first_utc, max(posted_utc) AS last_utc
FROM tweets GROUP BY ALL ORDER BY tweets DESC LIMIT 20;
