-- Inserts a row per scored tweet, interval of $intervals (sorted; 0 for labels of no interval) that is
-- not there yet, and class of $classes, from the frame given: platform, tweet_id, done (a bit for each
-- interval that is there) and probabilities, by interval and within it by class.
INSERT INTO class_predictions BY NAME
SELECT * EXCLUDE (done, place)
FROM (
    SELECT
        $model_id AS model_id,
        platform,
        tweet_id,
        done,
        $target AS target,
        unnest(range(len($intervals::INTEGER[]) * len($classes::VARCHAR[])))
            // len($classes::VARCHAR[]) AS place,
        nullif(($intervals::INTEGER[])[place + 1], 0) AS interval_minutes,
        ($classes::VARCHAR[])[
            unnest(range(len($intervals::INTEGER[]) * len($classes::VARCHAR[])))
                % len($classes::VARCHAR[]) + 1
        ] AS class,
        unnest(probabilities::FLOAT[]) AS probability
    FROM given
)
WHERE done & (1::BIGINT << place) = 0;
