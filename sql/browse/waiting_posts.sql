-- One row: as in scored_posts, where posts wait for a bar or a session: the view itself, and the posts that
-- the model $model_id has not scored.
SELECT
    t.platform, t.tweet_id, t.posted_utc, s.symbol, s.probability, s.predicted, s.split,
    s.status, s.return_bps, s.outcome, s.correct
FROM posts t
LEFT JOIN (
    FROM scored_any
    WHERE model_id = $model_id AND interval_minutes = $interval AND session = $session
        AND ($symbol IS NULL OR symbol = $symbol)
) s USING (platform, tweet_id)
