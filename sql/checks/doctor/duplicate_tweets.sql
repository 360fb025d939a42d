-- One row: one tweet that is stored more than once, of the ids in part $part of $parts.
SELECT platform || ' ' || tweet_id || ' is there ' || count(*) || ' times' AS problem
FROM tweets
WHERE hash(tweet_id) % $parts::UBIGINT = $part::UBIGINT
GROUP BY platform, tweet_id
HAVING count(*) > 1;
