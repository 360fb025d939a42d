-- One row: one of three posts, the first, the middle and the last that enter as a bar of a symbol that
-- they meet begins, and the bars before and after their entry: to check by eye that times agree.
WITH entered AS (
    SELECT
        t.posted_utc, t.text, b.symbol, b.minute_utc, b.open,
        row_number() OVER (ORDER BY t.posted_utc, t.platform, t.tweet_id, b.symbol) AS place,
        count(*) OVER () AS posts
    FROM tweets t
    LEFT JOIN links l USING (platform, tweet_id)
    -- As in the view scored_any.
    JOIN (SELECT *, CASE WHEN EXISTS (FROM link_rules) THEN symbol ELSE '' END AS linked FROM bars) b
        ON b.minute_utc = entry_minute(t.posted_utc) AND b.linked = coalesce(l.symbol, '')
),
chosen AS (
    SELECT * FROM entered WHERE place IN (1, (posts + 1) // 2, posts)
)
SELECT
    c.posted_utc, calendar, left(c.text, 40) AS post, c.symbol,
    before.minute_utc AS before_utc, before.close AS closes_at,
    c.minute_utc AS after_utc, c.open AS opens_at
FROM chosen c
JOIN symbols USING (symbol)
ASOF LEFT JOIN bars before ON before.symbol = c.symbol AND c.minute_utc > before.minute_utc
ORDER BY place;
