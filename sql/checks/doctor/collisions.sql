-- One row: one source that brought posts under numbers that begin again in each file or channel, and lost some
-- as duplicates or updates of others: older versions took such a number for an id. Ids of a known platform and
-- hashes are far larger than the number of posts in a file.
WITH largest AS (
    SELECT source_id, max(tweet_id) AS largest_id
    FROM tweets
    WHERE platform NOT IN ('twitter', 'truthsocial', 'mastodon', 'bluesky')
    GROUP BY source_id
),
numbered AS (
    SELECT sources.* FROM sources JOIN largest USING (source_id)
    WHERE kind = 'tweets' AND largest_id <= 10 * rows_read
),
-- Of a source that collided whole, nothing is left but what was said of it.
swallowed AS (
    SELECT sources.* FROM sources ANTI JOIN tweets USING (source_id)
    WHERE kind = 'tweets' AND EXISTS (
        FROM numbered
        WHERE numbered.format = sources.format AND numbered.rows_read >= sources.rows_read
    )
)
SELECT
    'source ' || source_id || ' (' || parse_filename(name) || '): ' || duplicates + updated || ' of '
        || rows_read || ' posts had the number of another, which is no id' AS problem
FROM (FROM numbered UNION ALL FROM swallowed)
WHERE duplicates + updated > 0;
