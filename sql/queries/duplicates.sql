-- One row: one text that was posted more than once, model and interval, with its scores.
-- Texts count as equal if every character is. authors: number of different authors. lowest and
-- highest: probability of up; they differ only for models that read engagement counts. Model,
-- interval and scores are null if the text is not scored. Copies on both sides of a split make a
-- model look better than it is.
-- $least = 2: smallest number of posts with this text
-- $interval = null: minutes, or null for all
-- $rows = 100: number of rows
WITH texts AS (
    SELECT
        text, count(*) AS posts, count(DISTINCT author) AS authors,
        min(posted_utc) AS first_utc, max(posted_utc) AS last_utc
    FROM tweets GROUP BY text HAVING count(*) > 1 AND count(*) >= $least
),
scores AS (
    SELECT
        t.text, p.model, p.model_id, p.interval_minutes,
        min(p.probability_up) AS lowest, max(p.probability_up) AS highest
    FROM texts
    JOIN tweets t USING (text)
    JOIN probabilities_up p USING (platform, tweet_id)
    WHERE $interval IS NULL OR p.interval_minutes = $interval
    GROUP BY ALL
)
SELECT
    posts, authors, first_utc, last_utc, model, model_id, interval_minutes,
    round(lowest, 3) AS lowest, round(highest, 3) AS highest, text
FROM texts LEFT JOIN scores USING (text)
ORDER BY posts DESC, text, model, model_id, interval_minutes
LIMIT $rows;
