-- One row: one post from $from_utc until $until_utc, of about $most, for a replica of the kind
-- $replica. After $moment_utc a cut replica has no posts, an altered one other words and counts.
WITH few AS (
    -- The same ones in each replica.
    SELECT (count(*) // $most + 1)::UBIGINT AS one_in FROM tweets
    WHERE posted_utc >= $from_utc AND posted_utc < $until_utc
),
judged AS (
    SELECT
        *,
        $replica = 'altered' AND posted_utc > $moment_utc AS later,
        hash(platform, tweet_id) AS number
    FROM tweets
    WHERE posted_utc >= $from_utc AND posted_utc < $until_utc
        AND ($replica <> 'cut' OR posted_utc <= $moment_utc)
)
SELECT
    platform, tweet_id, author, posted_utc,
    -- Words that are frequent enough to enter a vocabulary that sees them.
    CASE WHEN later THEN 'replaced replaced another' || number % 89 ELSE text END AS text,
    CASE WHEN later THEN number % 9999 ELSE retweet_count END::BIGINT AS retweet_count,
    CASE WHEN later THEN number % 99999 ELSE favorite_count END::BIGINT AS favorite_count,
    is_retweet, counts_as_of_utc, source_id
FROM judged, few
WHERE number % one_in = 0;
