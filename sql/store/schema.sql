-- The tables of the database; views.sql has the views that users query. All times are UTC.
-- DuckDB's PRIMARY KEY slows bulk inserts tenfold: uniqueness is kept by the merge statements.

-- One row: how this database was made.
CREATE TABLE settings (
    schema_version INTEGER NOT NULL,   -- how these tables are laid out
    max_gap_minutes INTEGER NOT NULL,  -- a price older than this is none
    flat_bps DOUBLE NOT NULL           -- a move up to this size is neither up nor down
);

-- One row: one file ingested. rows_read = stored + updated + duplicates + rejected.
CREATE TABLE sources (
    source_id INTEGER NOT NULL,        -- counts the files, from 1
    name VARCHAR NOT NULL,             -- the file, as it was given
    sha256 VARCHAR NOT NULL,           -- of the content, decompressed
    bytes BIGINT NOT NULL,             -- of the content, decompressed
    kind VARCHAR NOT NULL,             -- tweets or bars
    format VARCHAR NOT NULL,           -- what its content was told by
    symbol VARCHAR,                    -- of bars, where one symbol fills the file
    clock VARCHAR NOT NULL,            -- the clock of the file's times, and how it was proven
    rows_read BIGINT NOT NULL,         -- records in the file
    stored BIGINT NOT NULL,            -- new rows
    updated BIGINT NOT NULL,           -- rows that a later or fuller record replaced
    duplicates BIGINT NOT NULL,        -- records that added nothing
    rejected BIGINT NOT NULL,          -- records that could not be read
    repaired BIGINT NOT NULL,          -- texts with U+FFFD in place of bytes that are not a character
    started_utc TIMESTAMP NOT NULL,    -- when its ingest began
    finished_utc TIMESTAMP NOT NULL,   -- when it ended
    CHECK (rows_read = stored + updated + duplicates + rejected)
);

-- One row: one post.
CREATE TABLE tweets (
    platform VARCHAR NOT NULL,         -- twitter, truthsocial, mastodon, bluesky, or as said
    tweet_id BIGINT NOT NULL,          -- of the platform, or hashed where it has none
    author VARCHAR,                    -- null when no file names one
    posted_utc TIMESTAMP NOT NULL,     -- when it was posted, by a proven clock
    -- Compressing texts costs as much as all the rest of storing them, for 40 % less disk.
    text VARCHAR NOT NULL USING COMPRESSION uncompressed,  -- as published, markup resolved
    retweet_count BIGINT,              -- when last observed
    favorite_count BIGINT,             -- when last observed
    is_retweet BOOLEAN,                -- null when unknown
    counts_as_of_utc TIMESTAMP,        -- when the counts were read; null when unknown
    source_id INTEGER NOT NULL         -- the file that it came from
);

-- One row: one record that could not be read.
CREATE TABLE rejects (
    source_id INTEGER NOT NULL,        -- the file
    line BIGINT,                       -- of the file, from 1
    byte_offset BIGINT,                -- of the record in the file, decompressed
    reason VARCHAR NOT NULL,           -- why it could not be read
    raw VARCHAR                        -- how it begins
);

-- One row: one symbol with bars.
CREATE TABLE symbols (
    symbol VARCHAR NOT NULL,           -- as given, or as the file says
    calendar VARCHAR NOT NULL          -- the exchange calendar of its regular session
);

-- One row: one minute bar.
CREATE TABLE bars (
    symbol VARCHAR NOT NULL,           -- what was traded
    minute_utc TIMESTAMP NOT NULL,     -- the minute the bar opens
    open DOUBLE NOT NULL,              -- the first price
    high DOUBLE NOT NULL,              -- the highest price
    low DOUBLE NOT NULL,               -- the lowest price
    close DOUBLE NOT NULL,             -- the last price
    volume DOUBLE,                     -- null when the file has none
    source_id INTEGER NOT NULL         -- the file that it came from
);

-- One row: one trading session of a symbol.
CREATE TABLE sessions (
    symbol VARCHAR NOT NULL,           -- what is traded in it
    session VARCHAR NOT NULL,          -- regular (exchange calendar) or extended (the bars themselves)
    session_date DATE NOT NULL,        -- the exchange's date; of its close, for extended
    open_utc TIMESTAMP NOT NULL,       -- when it opens
    close_utc TIMESTAMP NOT NULL       -- when it closes
);

-- One row: one interval for which windows are kept.
CREATE TABLE intervals (
    interval_minutes INTEGER NOT NULL  -- from entry to exit
);

-- One row: one minute of a session and one interval.
CREATE TABLE windows (
    symbol VARCHAR NOT NULL,           -- what is traded
    session VARCHAR NOT NULL,          -- regular or extended
    minute_utc TIMESTAMP NOT NULL,     -- the minute of entry
    interval_minutes INTEGER NOT NULL, -- from entry to exit
    entry_price DOUBLE,                -- the price known at the minute of entry
    exit_price DOUBLE,                 -- the price known interval_minutes later
    return_bps DOUBLE,                 -- from entry to exit, in basis points
    status VARCHAR NOT NULL            -- ok, no_entry, no_exit or crosses_close
);

-- One row: one bundle that has scored.
CREATE TABLE models (
    model_id VARCHAR NOT NULL,         -- hash of the ONNX file and the card
    name VARCHAR NOT NULL,             -- the bundle's folder, with (int8) after it for that precision
    target VARCHAR NOT NULL,           -- what it predicts: direction, move or label
    classes VARCHAR[] NOT NULL,        -- what it tells apart, in the order of its card
    session VARCHAR,                   -- the session its labels came from
    uses_counts BOOLEAN NOT NULL,      -- whether it reads engagement counts
    -- The parts of its split, by minute of entry; embargoed days belong to the part before.
    train_from_utc TIMESTAMP,          -- where its training part begins; null where the card is silent
    validation_from_utc TIMESTAMP,     -- where its validation part begins
    test_from_utc TIMESTAMP,           -- where its test part begins
    test_until_utc TIMESTAMP,          -- where its test part ends
    card VARCHAR NOT NULL              -- JSON
);

-- One row: the probability of one class for one tweet, model and interval. Of a target of the market only
-- the positive class is kept, as the other one has the rest. The view probabilities names the classes.
CREATE TABLE predictions (
    model_id VARCHAR NOT NULL,         -- the model that predicts
    platform VARCHAR NOT NULL,         -- of the tweet
    tweet_id BIGINT NOT NULL,          -- of the tweet
    interval_minutes INTEGER,          -- from entry to exit; null for labels
    class_number USMALLINT NOT NULL,   -- which of the model's classes, from 1
    probability FLOAT NOT NULL         -- of that class
);

-- One row: one interval of a model whose classes are told apart by a threshold.
CREATE TABLE thresholds (
    model_id VARCHAR NOT NULL,         -- the model
    interval_minutes INTEGER NOT NULL, -- from entry to exit
    threshold_bps DOUBLE NOT NULL      -- a move is an absolute return above it
);

-- One row: one network of a study.
CREATE TABLE study_runs (
    fingerprint VARCHAR NOT NULL,      -- of data, options and seed
    source VARCHAR NOT NULL,           -- the database or the folder of tables
    protocol VARCHAR NOT NULL,         -- honest, or the 2019 study's with its faults: seed
    target VARCHAR NOT NULL,           -- direction or move
    interval_minutes INTEGER NOT NULL, -- how far ahead
    vectors BOOLEAN NOT NULL,          -- trained ones, or drawn at random
    counts BOOLEAN NOT NULL,           -- engagement counts beside the state
    seed INTEGER NOT NULL,             -- of all that is random
    folds INTEGER NOT NULL,            -- walk-forward folds
    train_rows BIGINT NOT NULL,        -- texts learned from
    test_rows BIGINT NOT NULL,         -- texts tested on
    best_epoch INTEGER NOT NULL,       -- protocol honest: chosen on validation
    best_accuracy DOUBLE NOT NULL,     -- protocol seed: the highest on the test part of all epochs
    last_accuracy DOUBLE,              -- protocol seed: of the last epoch
    majority DOUBLE NOT NULL,          -- the accuracy of always saying the most frequent class
    train_loss DOUBLE NOT NULL,        -- of the last epoch
    seconds DOUBLE NOT NULL,           -- that training took
    figures VARCHAR,                   -- JSON; null under the protocol seed
    history VARCHAR NOT NULL,          -- JSON, an object an epoch
    finished_utc TIMESTAMP NOT NULL    -- when it ended
);
