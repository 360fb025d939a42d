-- One row: one of the $most predictions furthest from even, or of those that were wrong, that $model_id
-- has not learned from; of each text the furthest, of equals the earliest. With a symbol, only those
-- with an outcome.
WITH own AS (
    SELECT
        platform, tweet_id, posted_utc, hash(text) AS text_hash, probability, predicted, outcome,
        return_bps, correct, split, abs(probability::DOUBLE - 0.5) AS strength
    FROM scored_any
    WHERE model_id = $model_id AND session = $session
        AND list_contains($symbols::VARCHAR[], coalesce(symbol, ''))
        AND interval_minutes = $interval
        AND unseen(split)
        AND (symbol IS NULL OR status = 'ok')
),
of_each_text AS (
    FROM (
        SELECT 'strongest' AS kind, * FROM own
        UNION ALL
        SELECT 'most wrong' AS kind, * FROM own WHERE NOT correct
    )
    QUALIFY row_number() OVER (
        PARTITION BY kind, text_hash ORDER BY strength DESC, posted_utc, platform, tweet_id
    ) = 1
),
most AS (
    FROM of_each_text
    QUALIFY row_number() OVER (
        PARTITION BY kind ORDER BY strength DESC, posted_utc, platform, tweet_id
    ) <= $most
)
SELECT
    m.kind, m.posted_utc, t.author, t.text, m.probability, m.predicted, m.outcome, m.return_bps,
    m.correct, m.split
FROM most m JOIN tweets t USING (platform, tweet_id)
ORDER BY m.kind DESC, m.strength DESC, m.posted_utc, m.platform, m.tweet_id;
