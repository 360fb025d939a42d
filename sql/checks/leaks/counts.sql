-- One row: one post whose counts were read after its minute of entry, or nobody knows when.
SELECT
    platform || ' ' || tweet_id || ' enters at '
        || date_trunc('minute', posted_utc + INTERVAL 59999999 MICROSECONDS) || ', its counts are '
        || coalesce('of ' || counts_as_of_utc, 'of a time that nobody knows') AS problem
FROM tweets
WHERE retweet_count IS NOT NULL AND favorite_count IS NOT NULL
    AND (
        counts_as_of_utc IS NULL
        OR counts_as_of_utc > date_trunc('minute', posted_utc + INTERVAL 59999999 MICROSECONDS)
    );
