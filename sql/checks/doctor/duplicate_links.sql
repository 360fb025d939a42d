-- One row: one post and symbol with more than one link, of the tweets in part $part of $parts.
SELECT platform || ' ' || tweet_id || ' and ' || symbol || ' are linked ' || count(*) || ' times' AS problem
FROM links
WHERE hash(tweet_id) % $parts::UBIGINT = $part::UBIGINT
GROUP BY platform, tweet_id, symbol
HAVING count(*) > 1;
