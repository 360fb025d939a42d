-- Deletes the tweets that a staged observation replaces.
DELETE FROM tweets USING contended_tweets c
WHERE c.fresh AND c.known AND tweets.platform = c.platform AND tweets.tweet_id = c.tweet_id;
