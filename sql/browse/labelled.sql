-- One row: one post of the table posts and the likeliest of the labels that the model $predictions_of gives it.
SELECT
    platform, tweet_id, max(probability) AS probability,
    -- Of equals the first: whichever is found first would change from page to page.
    -max((probability, -class_number::INTEGER))[2] AS class_number
FROM predictions SEMI JOIN posts USING (platform, tweet_id)
WHERE model_id = $predictions_of
GROUP BY platform, tweet_id
