-- Inserts the staged tweets: those without rivals, and the winners among the others.
INSERT INTO tweets BY NAME
SELECT * EXCLUDE (line, byte_offset), $source_id AS source_id
FROM staged_tweets ANTI JOIN contended_tweets USING (platform, tweet_id)
UNION ALL BY NAME
SELECT * EXCLUDE (fresh, known, place), $source_id AS source_id
FROM contended_tweets WHERE fresh;
