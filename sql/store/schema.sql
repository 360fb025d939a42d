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
    mended BIGINT NOT NULL,            -- texts with U+FFFD in the place of bytes that are no character
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
    session VARCHAR,                   -- the session its labels came from
    uses_counts BOOLEAN NOT NULL,      -- whether it reads engagement counts
    -- The parts of its split, by minute of entry; embargoed days belong to the part before.
    train_from_utc TIMESTAMP,          -- where its training part begins; null where the card is silent
    validation_from_utc TIMESTAMP,     -- where its validation part begins
    test_from_utc TIMESTAMP,           -- where its test part begins
    test_until_utc TIMESTAMP,          -- where its test part ends
    card VARCHAR NOT NULL              -- JSON
);

-- One row: one tweet, model and interval.
CREATE TABLE predictions (
    model_id VARCHAR NOT NULL,         -- who predicts
    platform VARCHAR NOT NULL,         -- the tweet's
    tweet_id BIGINT NOT NULL,          -- the tweet's
    interval_minutes INTEGER NOT NULL, -- how far ahead
    probability_up FLOAT NOT NULL      -- that the price is higher at the exit than at the entry
);

-- One row: one tweet, model, target, interval and class, for models with targets other than direction.
CREATE TABLE class_predictions (
    model_id VARCHAR NOT NULL,         -- who predicts
    platform VARCHAR NOT NULL,         -- the tweet's
    tweet_id BIGINT NOT NULL,          -- the tweet's
    target VARCHAR NOT NULL,           -- move or label
    interval_minutes INTEGER,          -- how far ahead; null for labels
    class VARCHAR NOT NULL,            -- what the probability is of
    probability FLOAT NOT NULL         -- of that class
);

-- One row: one head of a model that says which moves are large.
CREATE TABLE move_thresholds (
    model_id VARCHAR NOT NULL,         -- whose head
    interval_minutes INTEGER NOT NULL, -- of which head
    threshold_bps DOUBLE NOT NULL      -- an absolute return above it is a move
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
