-- Inserts the predictions of a chunk: one row per tweet, interval and class. The frame given has platform,
-- tweet_id, done (a bit for each interval that is stored already) and the list probabilities, by interval and
-- within it by class. The lists $intervals (0 for labels, which have none), $places (of the interval in done)
-- and $class_numbers describe its elements. The rows of a tweet are stored next to each other, which takes
-- half the time and space of storing an interval after another.
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
