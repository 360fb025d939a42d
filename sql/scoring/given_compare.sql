-- One row: one prediction given that can be used, and what it becomes: stored, updated where $model_id has another
-- value for its post and interval, or duplicate where it has the same, or an earlier row of the file had.
CREATE OR REPLACE TEMP TABLE given_compared AS
SELECT
    g.platform, g.tweet_id, g.interval_minutes, g.probability,
    CASE
        WHEN row_number() OVER same > 1 OR p.probability = g.probability THEN 'duplicate'
        WHEN p.probability IS NOT NULL THEN 'updated'
        ELSE 'stored'
    END AS became
FROM given_judged g
LEFT JOIN predictions p
    ON p.model_id = $model_id AND p.platform = g.platform AND p.tweet_id = g.tweet_id
    AND p.interval_minutes = g.interval_minutes
WHERE g.reason IS NULL
WINDOW same AS (PARTITION BY g.platform, g.tweet_id, g.interval_minutes ORDER BY g.line);
