-- One row: one prediction for a post, by model, symbol of $symbols and interval, and what came of it in $session.
SELECT
    model, symbol, target, interval_minutes, round(probability, 4) AS probability, predicted,
    split, status, minute_utc, exit_utc, entry_price, exit_price, return_bps, outcome, correct
FROM scored_any
WHERE tweet_id = $tweet_id AND platform = $platform AND session = $session
    AND (symbol IS NULL OR list_contains($symbols::VARCHAR[], symbol))
ORDER BY model, model_id, symbol, interval_minutes;
