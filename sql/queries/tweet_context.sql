-- One row: one prediction of the post $tweet_id, for each model, symbol, session, target and interval.
-- split: train and validation mean that the model has learned from the days around it. outcome and
-- correct are null where status is not ok; a flat window has an outcome, but nothing was correct.
-- $tweet_id: the post's id
-- $platform = null: where it was posted, or null for all
SELECT
    platform, posted_utc, author, model, model_id, split, symbol, session, target, interval_minutes,
    round(probability, 3) AS probability, predicted, minute_utc, entry_price, exit_price,
    round(return_bps, 1) AS return_bps, outcome, status, correct, text
FROM scored_any
WHERE tweet_id = $tweet_id AND ($platform IS NULL OR platform = $platform)
ORDER BY platform, model, model_id, symbol, session DESC, target, interval_minutes;
