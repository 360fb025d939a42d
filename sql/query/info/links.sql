-- One row: one rule, with the posts that it links and their share of all posts.
SELECT
    r.rule, r.symbol, r.kind, r.term, r.valid_from_utc, r.valid_until_utc,
    coalesce(l.posts, 0) AS posts,
    round(coalesce(l.posts, 0) / nullif((SELECT count(*) FROM tweets), 0), 4) AS share
FROM link_rules r
LEFT JOIN (
    SELECT rule, count(*) AS posts FROM (SELECT unnest(rules) AS rule FROM links) GROUP BY rule
) l USING (rule)
ORDER BY r.rule;
