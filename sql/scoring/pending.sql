-- One row: one tweet that $model_id has not scored yet for all $intervals (sorted; 0 for labels, which have
-- none). done has a bit for each interval that is stored already, in their order.
SELECT t.platform, t.tweet_id, t.text, t.retweet_count, t.favorite_count, coalesce(p.done, 0) AS done
FROM tweets t
LEFT JOIN (
    SELECT
        platform, tweet_id,
        bit_or(
            1::BIGINT << (list_position($intervals::INTEGER[], coalesce(interval_minutes, 0)) - 1)
        ) AS done
    FROM predictions
    WHERE model_id = $model_id
        AND list_contains($intervals::INTEGER[], coalesce(interval_minutes, 0))
    GROUP BY platform, tweet_id
) p USING (platform, tweet_id)
WHERE coalesce(p.done, 0) <> (1::BIGINT << len($intervals::INTEGER[])) - 1;
