-- One row: one platform and month, with what was posted.
-- month: its first day, in UTC. authors: number of different authors. reposts: posts that repeat
-- another author's, if the file says so. texts: number of different texts.
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
