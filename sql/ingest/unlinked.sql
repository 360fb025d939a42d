-- One row: one post of a file that was not held against the rules yet. A post that is linked already has
-- been updated by such a file with what no rule reads.
SELECT t.platform, t.tweet_id, t.author, t.posted_utc, t.text
FROM tweets t
ANTI JOIN linked_sources USING (source_id)
ANTI JOIN links l ON l.platform = t.platform AND l.tweet_id = t.tweet_id;
