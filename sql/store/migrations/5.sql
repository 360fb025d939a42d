-- From schema 4 to 5: rules that link posts to symbols. Without any, every post meets every symbol, as before.

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
