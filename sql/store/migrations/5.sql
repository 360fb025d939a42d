-- From schema 4 to 5: rules that link posts to symbols (without any, every post meets every symbol, as before),
-- the spacing of bars, and of each window its minute of exit and its trading day.

CREATE TABLE link_rules (
    rule INTEGER NOT NULL,
    symbol VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    term VARCHAR NOT NULL,
    valid_from_utc TIMESTAMP,
    valid_until_utc TIMESTAMP
);

CREATE TABLE links (
    platform VARCHAR NOT NULL,
    tweet_id BIGINT NOT NULL,
    symbol VARCHAR NOT NULL,
    rules INTEGER[] NOT NULL
);

CREATE TABLE linked_sources (source_id INTEGER NOT NULL);

ALTER TABLE symbols ADD COLUMN spacing_minutes INTEGER DEFAULT 1;
ALTER TABLE symbols ALTER COLUMN spacing_minutes SET NOT NULL;
ALTER TABLE symbols ALTER COLUMN spacing_minutes DROP DEFAULT;

CREATE TABLE windows_of_days AS
SELECT w.*, w.minute_utc + to_minutes(w.interval_minutes) AS exit_utc, d.session_date
FROM windows w
ASOF JOIN sessions d
    ON d.symbol = w.symbol AND d.session = w.session AND w.minute_utc >= d.open_utc;

DELETE FROM windows;
ALTER TABLE windows ADD COLUMN exit_utc TIMESTAMP;
ALTER TABLE windows ADD COLUMN session_date DATE;
ALTER TABLE windows ALTER COLUMN session_date SET NOT NULL;
INSERT INTO windows BY NAME FROM windows_of_days;
DROP TABLE windows_of_days;
