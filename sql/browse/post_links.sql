-- One row: one symbol that a post is linked to, and a rule that links them.
SELECT l.symbol, r.rule, r.kind, r.term, r.valid_from_utc, r.valid_until_utc
FROM (
    SELECT symbol, unnest(rules) AS rule FROM links
    WHERE tweet_id = $tweet_id AND platform = $platform
) l
LEFT JOIN link_rules r USING (rule)
ORDER BY l.symbol, r.rule;
