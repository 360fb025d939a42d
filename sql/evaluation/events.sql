-- One row: one predicted class and minute of entry, with the tweets of which $model_id predicts that class
-- for $interval; tweets from before its test part are left out.
SELECT predicted AS series, minute_utc, any_value(exit_utc) AS exit_utc, count(*) AS events
FROM scored_any
WHERE model_id = $model_id AND session = $session AND symbol = $symbol
    AND interval_minutes = $interval
    AND unseen(split)
GROUP BY predicted, minute_utc
ORDER BY ALL;
