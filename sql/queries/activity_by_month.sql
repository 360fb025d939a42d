-- One row: one platform and month, with what was posted.
-- month: its first day, in UTC. authors: how many named ones. reposts: of others' words, where the file
-- says so. texts: how many that differ.
SELECT
    platform,
    date_trunc('month', posted_utc)::DATE AS month,
    count(*) AS posts,
    count(DISTINCT author) AS authors,
    count(*) FILTER (is_retweet) AS reposts,
    count(DISTINCT text) AS texts
FROM tweets
GROUP BY ALL
ORDER BY ALL;
