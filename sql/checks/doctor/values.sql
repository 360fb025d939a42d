-- One row: one row of a table with a value that cannot be; of several, the first.
WITH judged AS (
    SELECT
        platform || ' ' || tweet_id AS row_of,
        CASE
            WHEN tweet_id <= 0 THEN 'its id is not positive'
            WHEN posted_utc < TIMESTAMP '0001-01-01' THEN 'posted ' || posted_utc
            -- A time without a zone may be ahead of UTC.
            WHEN posted_utc > finished_utc + INTERVAL 1 DAY
            THEN 'posted ' || posted_utc || ', after its file was read'
            WHEN retweet_count < 0 THEN 'retweet_count ' || retweet_count
            WHEN favorite_count < 0 THEN 'favorite_count ' || favorite_count
        END AS fault
    FROM tweets LEFT JOIN sources USING (source_id)
    UNION ALL
    SELECT
        'bar of ' || bars.symbol || ' at ' || minute_utc,
        CASE
            WHEN minute_utc < TIMESTAMP '1970-01-01' THEN 'before 1970'
            WHEN minute_utc > finished_utc + INTERVAL 1 DAY THEN 'after its file was read'
            WHEN NOT (isfinite(open) AND isfinite(high) AND isfinite(low) AND isfinite(close))
            THEN 'a price is not finite'
            WHEN least(open, high, low, close) <= 0 THEN 'a price is not above 0'
            WHEN high < greatest(open, low, close) OR low > least(open, close)
            THEN 'high and low contradict open and close'
            WHEN volume < 0 THEN 'volume ' || volume
        END
    FROM bars LEFT JOIN sources USING (source_id)
    UNION ALL
    SELECT
        'window of ' || symbol || ' ' || session || ' at ' || minute_utc || ', ' || interval_minutes
            || ' minutes',
        CASE
            WHEN status NOT IN ('ok', 'no_entry', 'no_exit', 'crosses_close') THEN 'status ' || status
            WHEN (status = 'ok') <> (return_bps IS NOT NULL)
                OR (return_bps IS NULL) <> (entry_price IS NULL OR exit_price IS NULL)
            THEN 'status ' || status || ' contradicts its prices'
            -- Both are doubles: no two ways of computing differ by a millionth.
            WHEN abs(return_bps - (exit_price / entry_price - 1) * 10000) > 1e-6
            THEN 'return_bps ' || return_bps || ' contradicts its prices'
        END
    FROM windows
    UNION ALL
    SELECT
        'prediction for ' || platform || ' ' || tweet_id || ', '
            || coalesce(interval_minutes || ' minutes, ', '') || 'class ' || class_number,
        -- NaN is above every number here.
        CASE WHEN probability NOT BETWEEN 0 AND 1 THEN 'probability ' || probability END
    FROM predictions
    UNION ALL
    SELECT
        'source ' || source_id || ' (' || parse_filename(name) || ')',
        CASE
            WHEN kind NOT IN ('tweets', 'bars', 'predictions') THEN 'kind ' || kind
            WHEN least(bytes, rows_read, stored, updated, duplicates, rejected) < 0
            THEN 'a count is negative'
        END
    FROM sources
    UNION ALL
    SELECT
        session || ' session of ' || symbol || ' on ' || session_date,
        CASE
            WHEN session NOT IN ('regular', 'extended') THEN 'session ' || session
            WHEN close_utc <= open_utc THEN 'closes before it opens'
        END
    FROM sessions
    UNION ALL
    SELECT
        'rule ' || rule,
        CASE
            WHEN kind NOT IN ('cashtag', 'hashtag', 'word', 'phrase', 'author') THEN 'kind ' || kind
            WHEN term = '' THEN 'its term is empty'
            WHEN valid_until_utc <= valid_from_utc THEN 'ends before it begins'
        END
    FROM link_rules
    UNION ALL
    SELECT 'settings', CASE WHEN max_gap_minutes < 0 OR flat_bps < 0 THEN 'a rule is negative' END
    FROM settings
    UNION ALL
    SELECT 'intervals', CASE WHEN interval_minutes < 1 THEN 'interval ' || interval_minutes END
    FROM intervals
)
SELECT row_of || ': ' || fault AS problem FROM judged WHERE fault IS NOT NULL;
