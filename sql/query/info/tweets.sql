-- One row: one platform; authors that no file names are not among its authors.
SELECT
    platform, count(*) AS tweets, count(DISTINCT author) AS authors,
    min(posted_utc) AS first_utc, max(posted_utc) AS last_utc
FROM tweets GROUP BY platform ORDER BY platform;
