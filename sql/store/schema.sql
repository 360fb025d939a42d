-- The tables of the database; views.sql has the views that users query. All times are UTC.
-- No table has a PRIMARY KEY, which makes bulk inserts ten times slower: ingest keeps the rows unique.

-- One row: how this database was made.
CREATE TABLE settings (
    schema_version INTEGER NOT NULL,   -- how these tables are laid out
    max_gap_minutes INTEGER NOT NULL,  -- older prices are not used
    flat_bps DOUBLE NOT NULL           -- a move of at most this size is neither up nor down
);

-- One row: one file ingested. rows_read = stored + updated + duplicates + rejected.
CREATE TABLE sources (
    source_id INTEGER NOT NULL,        -- number of the file, from 1
    name VARCHAR NOT NULL,             -- the file, as it was given
    sha256 VARCHAR NOT NULL,           -- of the content, decompressed
    bytes BIGINT NOT NULL,             -- of the content, decompressed
    kind VARCHAR NOT NULL,             -- tweets, bars or predictions
    format VARCHAR NOT NULL,           -- format of its content
    symbol VARCHAR,                    -- of bars, if the whole file has one symbol
    clock VARCHAR NOT NULL,            -- clock of the file's times, and how it was verified
    rows_read BIGINT NOT NULL,         -- records in the file
    stored BIGINT NOT NULL,            -- new rows
    updated BIGINT NOT NULL,           -- rows that a later or fuller record replaced
    duplicates BIGINT NOT NULL,        -- records that added nothing
    rejected BIGINT NOT NULL,          -- records that could not be read
    repaired BIGINT NOT NULL,          -- texts with U+FFFD in place of bytes that are not a character
    started_utc TIMESTAMP NOT NULL,    -- start of its ingest
    finished_utc TIMESTAMP NOT NULL,   -- end of its ingest
    taken VARCHAR,                     -- what was taken for what: columns, symbol, numbers and layout
    warnings VARCHAR,                  -- what is doubtful or missing in what was stored
    CHECK (rows_read = stored + updated + duplicates + rejected)
);

-- One row: one post.
CREATE TABLE tweets (
    platform VARCHAR NOT NULL,         -- twitter, truthsocial, mastodon, bluesky, or as given
    tweet_id BIGINT NOT NULL,          -- of the platform, or a hash if there is none
    author VARCHAR,                    -- null if the file names none
    posted_utc TIMESTAMP NOT NULL,     -- time of posting
    -- Compressing texts takes as long as the rest of storing them, for 40 % less disk.
    text VARCHAR NOT NULL USING COMPRESSION uncompressed,  -- as published, markup resolved
    retweet_count BIGINT,              -- when last read
    favorite_count BIGINT,             -- when last read
    is_retweet BOOLEAN,                -- null if unknown
    counts_as_of_utc TIMESTAMP,        -- when the counts were read; null if unknown
    source_id INTEGER NOT NULL         -- the file it came from
);

-- One row: one record that could not be read.
CREATE TABLE rejects (
    source_id INTEGER NOT NULL,        -- the file
    line BIGINT,                       -- in the file, from 1
    byte_offset BIGINT,                -- of the record in the decompressed file
    reason VARCHAR NOT NULL,           -- why it could not be read
    raw VARCHAR                        -- its beginning
);

-- One row: one symbol with bars.
CREATE TABLE symbols (
    symbol VARCHAR NOT NULL,           -- as given, or from the file
    calendar VARCHAR NOT NULL,         -- the exchange calendar of its regular session
    spacing_minutes INTEGER NOT NULL   -- from one of its bars to the next; 1440 for daily bars
);

-- One row: one bar.
CREATE TABLE bars (
    symbol VARCHAR NOT NULL,           -- symbol of the bar
    minute_utc TIMESTAMP NOT NULL,     -- the minute the bar opens; the session, for daily bars
    open DOUBLE NOT NULL,              -- the first price
    high DOUBLE NOT NULL,              -- the highest price
    low DOUBLE NOT NULL,               -- the lowest price
    close DOUBLE NOT NULL,             -- the last price
    volume DOUBLE,                     -- null if the file has none
    source_id INTEGER NOT NULL         -- the file that it came from
);

-- One row: one trading session of a symbol.
CREATE TABLE sessions (
    symbol VARCHAR NOT NULL,           -- symbol that is traded
    session VARCHAR NOT NULL,          -- regular (exchange calendar) or extended (the bars themselves)
    session_date DATE NOT NULL,        -- date at the exchange; of the close, for extended
    open_utc TIMESTAMP NOT NULL,       -- when it opens
    close_utc TIMESTAMP NOT NULL       -- when it closes
);

-- One row: one interval for which windows are kept.
CREATE TABLE intervals (
    interval_minutes INTEGER NOT NULL  -- from entry to exit
);

-- One row: one minute of a session at which a post can enter and one interval. With bars of several minutes
-- these are the minutes at which one begins or ends.
CREATE TABLE windows (
    symbol VARCHAR NOT NULL,           -- symbol that is traded
    session VARCHAR NOT NULL,          -- regular or extended
    minute_utc TIMESTAMP NOT NULL,     -- the minute of entry
    interval_minutes INTEGER NOT NULL, -- from entry to exit; sessions(n) for the close n sessions later
    entry_price DOUBLE,                -- the price known at the minute of entry
    exit_price DOUBLE,                 -- the price known at the exit
    return_bps DOUBLE,                 -- from entry to exit, in basis points
    status VARCHAR NOT NULL,           -- ok, no_entry, no_exit or crosses_close
    exit_utc TIMESTAMP,                -- the minute of exit; null where no session is that far ahead
    session_date DATE NOT NULL         -- trading day of the entry
);

-- One row: one bundle that has scored.
CREATE TABLE models (
    model_id VARCHAR NOT NULL,         -- hash of all files of the bundle
    name VARCHAR NOT NULL,             -- the bundle's folder
    target VARCHAR NOT NULL,           -- what it predicts: direction, move or label
    classes VARCHAR[] NOT NULL,        -- the classes, in the order of its card
    session VARCHAR,                   -- session of its labels
    uses_counts BOOLEAN NOT NULL,      -- whether it reads engagement counts
    -- The parts of its split, by minute of entry; embargoed days belong to the part before.
    train_from_utc TIMESTAMP,          -- start of the training part; null without dates on the card
    validation_from_utc TIMESTAMP,     -- start of the validation part
    test_from_utc TIMESTAMP,           -- start of the test part
    test_until_utc TIMESTAMP,          -- end of the test part
    card VARCHAR NOT NULL,             -- JSON
    knows_until_utc TIMESTAMP          -- it has seen nothing posted from then on; null: nobody says
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

-- One row: the words of one script in the posts of one chunk that a model has scored.
CREATE TABLE known_words (
    model_id VARCHAR NOT NULL,         -- the model
    script VARCHAR NOT NULL,           -- Latin, Han and so on; a word shows its script, not its language
    words BIGINT NOT NULL,             -- words that the model has read
    known BIGINT NOT NULL              -- those of them in its vocabulary
);

-- One row: one interval of a model whose classes are defined by a threshold.
CREATE TABLE thresholds (
    model_id VARCHAR NOT NULL,         -- the model
    interval_minutes INTEGER NOT NULL, -- from entry to exit
    threshold_bps DOUBLE NOT NULL      -- a move is an absolute return above it
);

-- One row: one model that has looked at a test part or at another selection of its posts, scored here or not.
-- Every figure is corrected for all that have looked at some of its days.
CREATE TABLE trials (
    test_part VARCHAR NOT NULL,        -- hash of the texts of the test part, or of what selects the posts
    symbol VARCHAR NOT NULL,           -- symbol that was predicted; of several a space is between
    test_from_utc TIMESTAMP NOT NULL,  -- start of the test part
    test_until_utc TIMESTAMP NOT NULL, -- end of the test part
    trial_id VARCHAR NOT NULL,         -- hash of a graph or fingerprint of a study's run; with /test_part of a part
    model_id VARCHAR NOT NULL,         -- the model; the fingerprint of a study's run
    name VARCHAR NOT NULL,             -- name of the model
    tests INTEGER NOT NULL             -- figures that were measured there: one for each interval
);

-- One row: one model whose predictions of later posts are a record of forward evidence.
CREATE TABLE frozen (
    model_id VARCHAR NOT NULL,         -- the model
    bundle_sha256 VARCHAR NOT NULL,    -- hash of all files of its bundle
    frozen_utc TIMESTAMP NOT NULL      -- when it was frozen; posts from then on are forward
);

-- One row: one rule that links posts to a symbol. Without any rule every post meets every symbol.
CREATE TABLE link_rules (
    rule INTEGER NOT NULL,             -- its number, from 1, in the order of the table of rules
    symbol VARCHAR NOT NULL,           -- symbol that it links posts to
    kind VARCHAR NOT NULL,             -- what is looked for: cashtag, hashtag, word, phrase or author
    term VARCHAR NOT NULL,             -- the tag without its sign, the words, or the name
    valid_from_utc TIMESTAMP,          -- first moment of posting that it holds for; null: any
    valid_until_utc TIMESTAMP          -- first moment that it no longer holds for; null: any
);

-- One row: one post and a symbol that it is linked to.
CREATE TABLE links (
    platform VARCHAR NOT NULL,         -- of the tweet
    tweet_id BIGINT NOT NULL,          -- of the tweet
    symbol VARCHAR NOT NULL,           -- symbol that it is linked to
    rules INTEGER[] NOT NULL           -- numbers of the rules that link the two
);

-- One row: one file whose tweets have been held against the rules.
CREATE TABLE linked_sources (
    source_id INTEGER NOT NULL         -- number of the file
);

-- One row: one network of a study.
CREATE TABLE study_runs (
    fingerprint VARCHAR NOT NULL,      -- of data, options and seed
    source VARCHAR NOT NULL,           -- path of the database or of the folder of tables
    protocol VARCHAR NOT NULL,         -- honest, or original: that of the 2019 study with its faults
    target VARCHAR NOT NULL,           -- direction or move
    interval_minutes INTEGER NOT NULL, -- from entry to exit
    vectors BOOLEAN NOT NULL,          -- trained word vectors, not random ones
    counts BOOLEAN NOT NULL,           -- with engagement counts as features
    seed INTEGER NOT NULL,             -- random seed
    folds INTEGER NOT NULL,            -- number of walk-forward folds
    train_rows BIGINT NOT NULL,        -- texts of the training part
    test_rows BIGINT NOT NULL,         -- texts of the test part
    best_epoch INTEGER NOT NULL,       -- the best on validation; protocol original: on the test part
    best_accuracy DOUBLE NOT NULL,     -- on the test part; protocol original: the highest of all epochs
    last_accuracy DOUBLE,              -- on the test part in the last epoch; protocol original only
    majority DOUBLE NOT NULL,          -- accuracy of always predicting the most frequent class
    train_loss DOUBLE NOT NULL,        -- in the last epoch
    seconds DOUBLE NOT NULL,           -- duration of training
    figures VARCHAR,                   -- JSON; null under the protocol original
    history VARCHAR NOT NULL,          -- JSON, one object per epoch
    finished_utc TIMESTAMP NOT NULL    -- end of the training
);
