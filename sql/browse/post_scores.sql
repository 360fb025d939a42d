-- One row: one prediction for a post, by model, symbol, session and interval, and what came of it.
SELECT
    model, symbol, session, target, interval_minutes, round(probability, 4) AS probability, predicted,
    split, status, minute_utc, exit_utc, entry_price, exit_price, return_bps, outcome, correct
FROM scored_any
WHERE tweet_id = $tweet_id AND platform = $platform
ORDER BY model, model_id, symbol, session DESC, interval_minutes;
