-- One row: one post whose counts were read after its minute of entry, or at an unknown time.
SELECT
    platform || ' ' || tweet_id || ' enters at '
        || entry_minute(posted_utc) || ', its counts are '
        || coalesce('of ' || counts_as_of_utc, 'of a time that nobody knows') AS problem
FROM tweets
WHERE retweet_count IS NOT NULL AND favorite_count IS NOT NULL
    AND (
        counts_as_of_utc IS NULL
        OR counts_as_of_utc > entry_minute(posted_utc)
    );
