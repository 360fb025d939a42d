-- One row: one prediction given, the post it meets, and why it cannot be used; of values that contradict each
-- other for one post and interval none can.
CREATE OR REPLACE TEMP TABLE given_judged AS
WITH numbered AS (SELECT *, row_number() OVER () AS number FROM given_rows),
posts AS (SELECT platform, tweet_id, posted_utc FROM tweets SEMI JOIN given_rows USING (tweet_id)),
met AS (
    SELECT
        g.number,
        count(p.tweet_id) AS posts,
        min(p.platform) AS platform,
        min(p.posted_utc) AS posted_utc,
        string_agg(p.platform, ', ' ORDER BY p.platform) AS platforms
    FROM numbered g
    LEFT JOIN posts p ON p.tweet_id = g.tweet_id AND p.platform = coalesce(g.platform, p.platform)
    GROUP BY g.number
),
placed AS (
    SELECT
        g.line, g.byte_offset, g.tweet_id, g.interval_minutes, g.probability, g.made_utc,
        g.platform AS named,
        m.platform, m.posted_utc,
        CASE
            WHEN m.posts = 0 THEN 'meets no post' || coalesce(' of ' || g.platform, '') || ' here'
            WHEN m.posts > 1 THEN 'its id is one of several platforms: ''' || m.platforms || ''''
            WHEN g.made_utc > entry_minute(m.posted_utc)
            THEN 'was made after its entry: ''' || g.made_utc || ', entry '
                || entry_minute(m.posted_utc) || ''''
        END AS fault
    FROM numbered g JOIN met m USING (number)
),
compared AS (
    SELECT
        *,
        min(probability) FILTER (fault IS NULL) OVER same AS least,
        max(probability) FILTER (fault IS NULL) OVER same AS most
    FROM placed
    WINDOW same AS (PARTITION BY platform, tweet_id, interval_minutes)
)
SELECT
    * EXCLUDE (fault, least, most),
    coalesce(
        fault,
        CASE
            WHEN least <> most
            THEN 'is there with several values: ''' || least || ' to ' || most || ''''
        END
    ) AS reason
FROM compared;
