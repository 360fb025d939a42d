-- One row: the predictions of the model $model_id, rounded to thousandths, on a trading day, of posts that it has not
-- seen and whose outcome is one of the two classes: how many there are, and how many came true. $rows and $minutes
-- stand for other files here.
WITH posts AS (
    SELECT platform, tweet_id, posted_utc FROM tweets
    WHERE entry_minute(posted_utc) IN ($minutes)
),
rows AS ($rows)
SELECT
    round(r.probability, 3) AS probability, r.session_date, count(*) AS rows,
    count(*) FILTER (is_positive(m.target, r.outcome)) AS truth
FROM rows r JOIN models m ON m.model_id = $model_id
WHERE unseen(r.split) AND r.correct IS NOT NULL
GROUP BY ALL ORDER BY ALL;
