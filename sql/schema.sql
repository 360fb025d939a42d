-- The whole database: settings, tables, then the views that users query. All times are UTC.
-- DuckDB's PRIMARY KEY slows bulk inserts tenfold: uniqueness is kept by the merge statements.

-- One row: how this database was made.
CREATE TABLE settings (
    schema_version INTEGER NOT NULL,
    max_gap_minutes INTEGER NOT NULL,  -- a price older than this is none
    flat_bps DOUBLE NOT NULL           -- a move up to this size is neither up nor down
);

-- One row: one file ingested. rows_read = stored + updated + duplicates + rejected.
CREATE TABLE sources (
    source_id INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,           -- of the content, decompressed
    bytes BIGINT NOT NULL,
    kind VARCHAR NOT NULL,             -- tweets or bars
    format VARCHAR NOT NULL,
    symbol VARCHAR,                    -- of bars, where one symbol fills the file
    clock VARCHAR NOT NULL,            -- the clock of the file's times, and how it was proven
    rows_read BIGINT NOT NULL,
    stored BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    duplicates BIGINT NOT NULL,
    rejected BIGINT NOT NULL,
    mended BIGINT NOT NULL,            -- texts with U+FFFD in the place of bytes that are no character
    started_utc TIMESTAMP NOT NULL,
    finished_utc TIMESTAMP NOT NULL,
    CHECK (rows_read = stored + updated + duplicates + rejected)
);

-- One row: one post.
CREATE TABLE tweets (
    platform VARCHAR NOT NULL,
    tweet_id BIGINT NOT NULL,
    author VARCHAR,
    posted_utc TIMESTAMP NOT NULL,
    -- Compressing texts costs as much as all the rest of storing them, for 40 % less disk.
    text VARCHAR NOT NULL USING COMPRESSION uncompressed,
    retweet_count BIGINT,
    favorite_count BIGINT,
    is_retweet BOOLEAN,
    counts_as_of_utc TIMESTAMP,        -- when the counts were read; null when unknown
    source_id INTEGER NOT NULL
);

-- One row: one record that could not be read.
CREATE TABLE rejects (
    source_id INTEGER NOT NULL,
    line BIGINT,
    byte_offset BIGINT,
    reason VARCHAR NOT NULL,
    raw VARCHAR
);

-- One row: one symbol with bars.
CREATE TABLE symbols (
    symbol VARCHAR NOT NULL,
    calendar VARCHAR NOT NULL          -- the exchange calendar of its regular session
);

-- One row: one minute bar.
CREATE TABLE bars (
    symbol VARCHAR NOT NULL,
    minute_utc TIMESTAMP NOT NULL,     -- the minute the bar opens
    open DOUBLE NOT NULL,
    high DOUBLE NOT NULL,
    low DOUBLE NOT NULL,
    close DOUBLE NOT NULL,
    volume DOUBLE,
    source_id INTEGER NOT NULL
);

-- One row: one trading session of a symbol.
CREATE TABLE sessions (
    symbol VARCHAR NOT NULL,
    session VARCHAR NOT NULL,          -- regular (exchange calendar) or extended (the bars themselves)
    session_date DATE NOT NULL,        -- the exchange's date; of its close, for extended
    open_utc TIMESTAMP NOT NULL,
    close_utc TIMESTAMP NOT NULL
);

-- One row: one interval for which windows are kept.
CREATE TABLE intervals (interval_minutes INTEGER NOT NULL);

-- One row: one minute of a session and one interval.
CREATE TABLE windows (
    symbol VARCHAR NOT NULL,
    session VARCHAR NOT NULL,
    minute_utc TIMESTAMP NOT NULL,
    interval_minutes INTEGER NOT NULL,
    entry_price DOUBLE,
    exit_price DOUBLE,
    return_bps DOUBLE,
    status VARCHAR NOT NULL            -- ok, no_entry, no_exit or crosses_close
);

-- One row: one bundle that has scored.
CREATE TABLE models (
    model_id VARCHAR NOT NULL,         -- hash of the ONNX file and the card
    name VARCHAR NOT NULL,
    session VARCHAR,                   -- the session its labels came from
    uses_counts BOOLEAN NOT NULL,
    train_from_utc TIMESTAMP,          -- the parts of its split, by minute of entry; null where the
    validation_from_utc TIMESTAMP,     -- card has no dates. Embargoed days belong to the part before.
    test_from_utc TIMESTAMP,
    test_until_utc TIMESTAMP,
    card VARCHAR NOT NULL              -- JSON
);

-- One row: one tweet, model and interval.
CREATE TABLE predictions (
    model_id VARCHAR NOT NULL,
    platform VARCHAR NOT NULL,
    tweet_id BIGINT NOT NULL,
    interval_minutes INTEGER NOT NULL,
    probability_up FLOAT NOT NULL
);

-- One row: one tweet, model, target, interval and class, for models with targets other than direction.
CREATE TABLE class_predictions (
    model_id VARCHAR NOT NULL,
    platform VARCHAR NOT NULL,
    tweet_id BIGINT NOT NULL,
    target VARCHAR NOT NULL,
    interval_minutes INTEGER,
    class VARCHAR NOT NULL,
    probability FLOAT NOT NULL
);

-- One row: one prediction, symbol and session; without bars one row with a null symbol.
CREATE VIEW scored_all AS
WITH spans AS (
    SELECT symbol, min(open_utc) AS first_utc, max(close_utc) AS last_utc
    FROM sessions WHERE session = 'extended' GROUP BY symbol
),
joined AS (
    SELECT
        t.platform, t.tweet_id, t.author, t.posted_utc, t.text,
        m.name AS model, p.model_id,
        -- A tweet enters at the first whole minute at or after it was posted.
        date_trunc('minute', t.posted_utc + INTERVAL 59999999 MICROSECONDS) AS minute_utc,
        -- By the minute of entry, as the parts were cut by the session that it lies in.
        CASE
            WHEN m.train_from_utc IS NULL THEN 'unknown'
            WHEN minute_utc < m.train_from_utc OR minute_utc >= m.test_until_utc THEN 'outside'
            WHEN minute_utc < m.validation_from_utc THEN 'train'
            WHEN minute_utc < m.test_from_utc THEN 'validation'
            ELSE 'test'
        END AS split,
        spans.symbol, spans.first_utc, spans.last_utc, kinds.session,
        p.interval_minutes, p.probability_up,
        CASE WHEN p.probability_up >= 0.5 THEN 'up' ELSE 'down' END AS predicted
    FROM predictions p
    JOIN models m USING (model_id)
    JOIN tweets t USING (platform, tweet_id)
    CROSS JOIN (VALUES ('regular'), ('extended')) AS kinds(session)
    LEFT JOIN spans ON true
)
SELECT
    j.platform, j.tweet_id, j.author, j.posted_utc, j.text, j.model, j.model_id, j.split,
    j.symbol, j.session, j.interval_minutes, j.probability_up, j.predicted, j.minute_utc,
    w.entry_price, w.exit_price, w.return_bps,
    CASE
        WHEN w.status IS DISTINCT FROM 'ok' THEN NULL
        WHEN abs(w.return_bps) <= settings.flat_bps THEN 'flat'
        WHEN w.exit_price > w.entry_price THEN 'up'
        ELSE 'down'
    END AS direction,
    CASE
        WHEN j.minute_utc BETWEEN j.first_utc AND j.last_utc
        THEN coalesce(w.status, 'market_closed')
        ELSE 'no_data'
    END AS status,
    CASE
        WHEN direction IN ('up', 'down') THEN direction = j.predicted
    END AS correct
FROM joined j
CROSS JOIN settings
LEFT JOIN windows w
    ON w.symbol = j.symbol AND w.session = j.session
    AND w.minute_utc = j.minute_utc AND w.interval_minutes = j.interval_minutes;

-- One row: one prediction and symbol, held against the regular session. The view to query first.
CREATE VIEW scored AS
SELECT * EXCLUDE (session) FROM scored_all WHERE session = 'regular';

-- One row: one prediction and symbol, held against all hours in which the symbol has bars.
CREATE VIEW scored_extended AS
SELECT * EXCLUDE (session) FROM scored_all WHERE session = 'extended';
