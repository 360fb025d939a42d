-- From schema 1 to 2: moves, and studies.

-- The first databases of schema 1 did not count texts with bytes that are no character.
ALTER TABLE sources ADD COLUMN IF NOT EXISTS mended BIGINT DEFAULT 0;

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
