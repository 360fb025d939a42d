-- Deletes the links of posts whose text, author or time is replaced by another record. Runs while the table
-- candidates is complete.
CREATE OR REPLACE TEMP TABLE changed AS
SELECT DISTINCT old.platform, old.tweet_id
FROM candidates winner
JOIN tweets new ON new.rowid = winner.row
JOIN candidates loser ON loser.platform = winner.platform AND loser.tweet_id = winner.tweet_id
JOIN tweets old ON old.rowid = loser.row
WHERE winner.place = 1 AND winner.fresh AND NOT loser.fresh AND (
    old.text <> new.text OR old.author IS DISTINCT FROM new.author OR old.posted_utc <> new.posted_utc
);

DELETE FROM links USING changed c
WHERE links.platform = c.platform AND links.tweet_id = c.tweet_id;
