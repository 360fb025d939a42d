-- One row: one text that $model_id has not learned from, with the class, day and author of its earliest post.
SELECT t.text, f.earliest.predicted AS class, t.posted_utc::DATE AS day, t.author
FROM (
    SELECT min({
        'posted_utc': posted_utc, 'platform': platform, 'tweet_id': tweet_id, 'predicted': predicted
    }) AS earliest
    FROM scored_any
    WHERE model_id = $model_id AND session = $session
        AND list_contains($symbols::VARCHAR[], coalesce(symbol, ''))
        AND interval_minutes = $interval
        AND unseen(split)
    GROUP BY hash(text)
) f
JOIN tweets t ON t.platform = f.earliest.platform AND t.tweet_id = f.earliest.tweet_id;
