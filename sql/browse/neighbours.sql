-- One row: one of the posts before and after a moment, in the order of time.
WITH around AS (
    (SELECT * FROM tweets WHERE posted_utc BETWEEN $from AND $moment
     ORDER BY posted_utc DESC, platform DESC, tweet_id DESC LIMIT 11)
    UNION
    (SELECT * FROM tweets WHERE posted_utc BETWEEN $moment AND $to
     ORDER BY posted_utc, platform, tweet_id LIMIT 11)
)
SELECT platform, tweet_id, posted_utc, author, left(text, 200) AS text
FROM around ORDER BY posted_utc, platform, tweet_id;
