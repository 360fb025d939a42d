-- One row: the post $tweet_id of $platform, and the file that it came from.
SELECT
    t.platform, t.tweet_id, t.author, t.posted_utc, t.text, t.retweet_count, t.favorite_count,
    t.is_retweet, t.counts_as_of_utc, parse_filename(s.name) AS file
FROM tweets t LEFT JOIN sources s USING (source_id)
WHERE t.tweet_id = $tweet_id AND t.platform = $platform;
