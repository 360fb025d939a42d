-- One row: one of the predictions with the highest confidence and a known outcome, on unseen
-- tweets.
-- Unseen means from the model's test part on, or outside. correct is null if the price did
-- not move.
-- $interval = null: minutes, or null for all
-- $rows = 20: number of rows
SELECT
    model, model_id, symbol, interval_minutes, posted_utc, author,
    round(probability_up, 3) AS probability_up, predicted, direction,
    round(return_bps, 1) AS return_bps, correct, text
FROM scored
WHERE status = 'ok' AND unseen(split)
    AND ($interval IS NULL OR interval_minutes = $interval)
ORDER BY
    abs(scored.probability_up - 0.5) DESC, posted_utc, platform, tweet_id, interval_minutes,
    model, model_id, symbol
LIMIT $rows;
