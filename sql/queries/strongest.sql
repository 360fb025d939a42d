-- One row: one of the predictions furthest from even, whose window has both prices.
-- Of tweets outside the parts that the model has learned from. correct is null where the price
-- did not move.
-- $interval = null: minutes, or null for all
-- $rows = 20: how many
SELECT
    model, model_id, symbol, interval_minutes, posted_utc, author,
    round(probability_up, 3) AS probability_up, predicted, direction,
    round(return_bps, 1) AS return_bps, correct, text
FROM scored
WHERE status = 'ok' AND split IN ('test', 'outside')
    AND ($interval IS NULL OR interval_minutes = $interval)
ORDER BY
    abs(scored.probability_up - 0.5) DESC, posted_utc, platform, tweet_id, interval_minutes,
    model, model_id, symbol
LIMIT $rows;
