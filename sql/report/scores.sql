-- One row: one of 50 bins of the probability and one split that $model_id has not learned from; exactly
-- 1 is in the last bin.
WITH counted AS (
    SELECT split, least(floor(probability * 50), 49)::INTEGER AS bin, count(*) AS predictions
    FROM scored_any
    WHERE model_id = $model_id AND session = $session
        AND list_contains($symbols::VARCHAR[], coalesce(symbol, ''))
        AND interval_minutes = $interval
        AND unseen(split)
    GROUP BY ALL
)
SELECT
    b.bin / 50 AS low, (b.bin + 1) / 50 AS high, s.split, coalesce(c.predictions, 0) AS predictions
FROM (SELECT unnest(range(50)) AS bin) b
CROSS JOIN (SELECT DISTINCT split FROM counted) s
LEFT JOIN counted c USING (split, bin)
ORDER BY s.split, b.bin;
