-- One row: one of the twenty scored tweets, not learned from, whose score is furthest from even.
SELECT posted_utc, interval_minutes, round(probability_up, 3) AS probability_up, predicted, direction,
    round(return_bps, 1) AS return_bps, correct, text
FROM scored
WHERE status = 'ok' AND split IN ('test', 'outside')
ORDER BY
    abs(scored.probability_up - 0.5) DESC, posted_utc, interval_minutes, tweet_id, model_id, symbol
LIMIT 20;
