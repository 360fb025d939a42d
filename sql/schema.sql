-- The tables of the database; views.sql has the views that users query. All times are UTC.
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

-- One row: one head of a model that says which moves are large.
CREATE TABLE move_thresholds (
    model_id VARCHAR NOT NULL,
    interval_minutes INTEGER NOT NULL,
    threshold_bps DOUBLE NOT NULL      -- an absolute return above it is a move
);

-- One row: one network of a study.
CREATE TABLE study_runs (
    fingerprint VARCHAR NOT NULL,      -- of data, options and seed
    source VARCHAR NOT NULL,
    protocol VARCHAR NOT NULL,         -- honest, or the 2019 study's with its faults: seed
    target VARCHAR NOT NULL,
    interval_minutes INTEGER NOT NULL,
    vectors BOOLEAN NOT NULL,          -- trained ones, or drawn at random
    counts BOOLEAN NOT NULL,           -- engagement counts beside the state
    seed INTEGER NOT NULL,
    folds INTEGER NOT NULL,
    train_rows BIGINT NOT NULL,
    test_rows BIGINT NOT NULL,
    best_epoch INTEGER NOT NULL,
    best_accuracy DOUBLE NOT NULL,     -- protocol seed: the highest on the test part of all epochs
    last_accuracy DOUBLE,              -- protocol seed: of the last epoch
    majority DOUBLE NOT NULL,
    train_loss DOUBLE NOT NULL,        -- of the last epoch
    seconds DOUBLE NOT NULL,
    figures VARCHAR,                   -- JSON; null under the protocol seed
    history VARCHAR NOT NULL,          -- JSON, an object an epoch
    finished_utc TIMESTAMP NOT NULL
);
