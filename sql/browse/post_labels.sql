-- One row: one label that a model gives a post, the likeliest first.
SELECT model, class, round(probability, 4) AS probability
FROM probabilities
WHERE tweet_id = $tweet_id AND platform = $platform AND target = 'label'
ORDER BY model, probability DESC;
