-- One row: one of three posts, the first, the middle and the last that enter as a bar of a symbol that
-- they meet begins, and the bars before and after their entry: to check by eye that times agree.
WITH entering AS (
    SELECT entry_minute(t.posted_utc) AS minute_utc, coalesce(l.symbol, '') AS linked, count(*) AS posts
    FROM tweets t LEFT JOIN links l USING (platform, tweet_id) GROUP BY ALL
),
-- As in the view scored_any.
meeting AS (
    SELECT *, CASE WHEN EXISTS (FROM link_rules) THEN symbol ELSE '' END AS linked FROM bars
),
reached AS (
    SELECT
        minute_utc, sum(posts) AS posts, sum(sum(posts)) OVER (ORDER BY minute_utc) AS place,
        sum(sum(posts)) OVER () AS last_place
    FROM entering JOIN meeting USING (minute_utc, linked) GROUP BY minute_utc
),
-- Later posts enter later: the three are sought in three minutes alone.
near AS (
    SELECT minute_utc, place - posts AS posts_before, last_place AS posts FROM reached
    WHERE posts_before = 0 OR place = last_place
        OR (last_place + 1) // 2 BETWEEN posts_before + 1 AND place
),
entered AS (
    SELECT
        t.posted_utc, t.text, b.symbol, b.minute_utc, b.open, n.posts,
        n.posts_before + row_number() OVER (
            PARTITION BY b.minute_utc ORDER BY t.posted_utc, t.platform, t.tweet_id, b.symbol
        ) AS place
    FROM near n
    JOIN tweets t ON entry_minute(t.posted_utc) = n.minute_utc
    LEFT JOIN links l USING (platform, tweet_id)
    JOIN meeting b ON b.minute_utc = n.minute_utc AND b.linked = coalesce(l.symbol, '')
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
