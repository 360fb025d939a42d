-- One row: one tweet, model and interval (and target and class) with more than one prediction, of the
-- tweets in part $part of $parts.
SELECT
    platform || ' ' || tweet_id || ' by ' || model_id || ', ' || interval_minutes || ' minutes, is there '
        || count(*) || ' times' AS problem
FROM predictions
WHERE hash(tweet_id) % $parts::UBIGINT = $part::UBIGINT
GROUP BY model_id, platform, tweet_id, interval_minutes
HAVING count(*) > 1
UNION ALL
SELECT
    platform || ' ' || tweet_id || ' by ' || model_id || ', ' || target || ' ' || class || ', is there '
        || count(*) || ' times'
FROM class_predictions
WHERE hash(tweet_id) % $parts::UBIGINT = $part::UBIGINT
GROUP BY model_id, platform, tweet_id, target, interval_minutes, class
HAVING count(*) > 1;
