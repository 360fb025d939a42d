-- One row: one bar of $symbols from $from_utc until $until_utc, for a replica of the kind $replica.
-- After $moment_utc a cut replica has no bars, and an altered one has other prices.
WITH own AS (
    SELECT
        b.*,
        -- The last bar of a session may be a short one; a daily bar ends with its session.
        CASE
            WHEN b.minute_utc < d.close_utc
            THEN least(b.minute_utc + to_minutes(spacing_minutes), d.close_utc)
            ELSE b.minute_utc + to_minutes(spacing_minutes)
        END AS end_utc
    FROM bars b
    JOIN symbols USING (symbol)
    ASOF LEFT JOIN (FROM sessions WHERE session = 'regular') d
        ON d.symbol = b.symbol AND b.minute_utc >= d.open_utc
    WHERE b.symbol IN (SELECT unnest($symbols)) AND b.minute_utc >= $from_utc AND b.minute_utc < $until_utc
        AND ($replica <> 'cut' OR b.minute_utc <= $moment_utc)
),
judged AS (
    SELECT
        * EXCLUDE (end_utc),
        $replica <> 'whole' AND end_utc > $moment_utc AS unclosed,
        -- Another one for each minute: the prices themselves move as they never did.
        0.5 + (hash(minute_utc) % 1000)::DOUBLE / 1000 AS factor
    FROM own
),
priced AS (
    SELECT
        * EXCLUDE (open, close),
        -- Of the bar that begins at the moment, the open is known and nothing else.
        CASE WHEN unclosed AND minute_utc > $moment_utc THEN open * factor ELSE open END AS open,
        CASE
            WHEN NOT unclosed THEN close
            WHEN $replica = 'cut' THEN open
            ELSE close * factor
        END AS close
    FROM judged
)
SELECT
    symbol, minute_utc, open,
    CASE WHEN unclosed THEN greatest(open, close) ELSE high END AS high,
    CASE WHEN unclosed THEN least(open, close) ELSE low END AS low,
    close, volume, source_id
FROM priced;
