-- One row: one prediction for the post $tweet_id, by model, symbol, session, target and interval.
-- split: train and validation mean that the model was trained on the days around the post. outcome
-- and correct are null unless status is ok; a flat window has an outcome, but correct is null.
-- $tweet_id: id of the post
-- $platform = null: platform of the post, or null for all
SELECT
    platform, posted_utc, author, model, model_id, split, symbol, session, target, interval_minutes,
    round(probability, 3) AS probability, predicted, minute_utc, entry_price, exit_price,
    round(return_bps, 1) AS return_bps, outcome, status, correct, text
FROM scored_any
WHERE tweet_id = $tweet_id AND ($platform IS NULL OR platform = $platform)
ORDER BY platform, model, model_id, symbol, session DESC, target, interval_minutes;
