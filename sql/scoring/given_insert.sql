-- Inserts the predictions of $model_id that are new, or others than those that were there, of class $class_number;
-- those of a tweet stand next to each other.
INSERT INTO predictions BY NAME
SELECT
    $model_id AS model_id, platform, tweet_id, interval_minutes, $class_number AS class_number,
    probability
FROM given_compared
WHERE became <> 'duplicate'
ORDER BY platform, tweet_id, interval_minutes;
