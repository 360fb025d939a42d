-- Inserts a row per scored tweet, interval and class that is not there yet, from the frame given: platform,
-- tweet_id, done (a bit for each interval that is there, in their order) and probabilities. These are by
-- interval and within it by class, as the lists $places (of the interval, from 0), $intervals (0 for labels,
-- which have none) and $class_numbers have them. Rows of a tweet lie together: stored so they take half the
-- time and the space of rows that lie together by interval.
INSERT INTO predictions BY NAME
SELECT
    $model_id AS model_id, platform, tweet_id, nullif(minutes, 0) AS interval_minutes, class_number,
    probability
FROM (
    SELECT
        platform, tweet_id, done,
        unnest($places::INTEGER[]) AS place,
        unnest($intervals::INTEGER[]) AS minutes,
        unnest($class_numbers::USMALLINT[]) AS class_number,
        unnest(probabilities::FLOAT[]) AS probability
    FROM given
)
WHERE done & (1::BIGINT << place) = 0;
