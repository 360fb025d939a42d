-- One row: one hour of the day in UTC, with the number of tweets; none without tweets.
SELECT h.hour_utc, count(t.posted_utc) AS tweets
FROM (SELECT unnest(range(24)) AS hour_utc WHERE EXISTS (FROM tweets)) h
LEFT JOIN tweets t ON hour(t.posted_utc) = h.hour_utc
GROUP BY ALL ORDER BY h.hour_utc;
