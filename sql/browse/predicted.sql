-- One row: one post of the table posts that the model $predictions_of of the market has scored for $interval.
SELECT platform, tweet_id, probability, NULL::USMALLINT AS class_number
FROM predictions SEMI JOIN posts USING (platform, tweet_id)
WHERE model_id = $predictions_of AND interval_minutes = $interval
