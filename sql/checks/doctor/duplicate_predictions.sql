-- One row: one tweet, model, interval and class with more than one prediction, of the tweets in part $part
-- of $parts.
SELECT
    platform || ' ' || tweet_id || ' by ' || model_id || ', '
        || coalesce(interval_minutes || ' minutes, ', '') || 'class ' || class_number || ', is there '
        || count(*) || ' times' AS problem
FROM predictions
WHERE hash(tweet_id) % $parts::UBIGINT = $part::UBIGINT
GROUP BY model_id, platform, tweet_id, interval_minutes, class_number
HAVING count(*) > 1;
