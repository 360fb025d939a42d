-- A database of schema 5, as statements. The code of commit b2018f9 made it from that of schema 4 beside this
-- file, and linked its posts to SPX and TSLA by their cashtags.

CREATE TABLE bars(symbol VARCHAR NOT NULL, minute_utc TIMESTAMP NOT NULL, open DOUBLE NOT NULL, high DOUBLE NOT NULL, low DOUBLE NOT NULL, "close" DOUBLE NOT NULL, volume DOUBLE, source_id INTEGER NOT NULL);
CREATE TABLE frozen(model_id VARCHAR NOT NULL, bundle_sha256 VARCHAR NOT NULL, frozen_utc TIMESTAMP NOT NULL);
CREATE TABLE intervals(interval_minutes INTEGER NOT NULL);
CREATE TABLE known_words(model_id VARCHAR NOT NULL, script VARCHAR NOT NULL, words BIGINT NOT NULL, known BIGINT NOT NULL);
CREATE TABLE link_rules("rule" INTEGER NOT NULL, symbol VARCHAR NOT NULL, kind VARCHAR NOT NULL, term VARCHAR NOT NULL, valid_from_utc TIMESTAMP, valid_until_utc TIMESTAMP);
CREATE TABLE linked_sources(source_id INTEGER NOT NULL);
CREATE TABLE links(platform VARCHAR NOT NULL, tweet_id BIGINT NOT NULL, symbol VARCHAR NOT NULL, rules INTEGER[] NOT NULL);
CREATE TABLE models(model_id VARCHAR NOT NULL, "name" VARCHAR NOT NULL, "target" VARCHAR NOT NULL, classes VARCHAR[] NOT NULL, "session" VARCHAR, uses_counts BOOLEAN NOT NULL, train_from_utc TIMESTAMP, validation_from_utc TIMESTAMP, test_from_utc TIMESTAMP, test_until_utc TIMESTAMP, card VARCHAR NOT NULL);
CREATE TABLE predictions(model_id VARCHAR NOT NULL, platform VARCHAR NOT NULL, tweet_id BIGINT NOT NULL, interval_minutes INTEGER, class_number USMALLINT NOT NULL, probability FLOAT NOT NULL);
CREATE TABLE rejects(source_id INTEGER NOT NULL, line BIGINT, byte_offset BIGINT, reason VARCHAR NOT NULL, raw VARCHAR);
CREATE TABLE sessions(symbol VARCHAR NOT NULL, "session" VARCHAR NOT NULL, session_date DATE NOT NULL, open_utc TIMESTAMP NOT NULL, close_utc TIMESTAMP NOT NULL);
CREATE TABLE settings(schema_version INTEGER NOT NULL, max_gap_minutes INTEGER NOT NULL, flat_bps DOUBLE NOT NULL);
CREATE TABLE sources(source_id INTEGER NOT NULL, "name" VARCHAR NOT NULL, sha256 VARCHAR NOT NULL, bytes BIGINT NOT NULL, kind VARCHAR NOT NULL, format VARCHAR NOT NULL, symbol VARCHAR, clock VARCHAR NOT NULL, rows_read BIGINT NOT NULL, "stored" BIGINT NOT NULL, updated BIGINT NOT NULL, duplicates BIGINT NOT NULL, rejected BIGINT NOT NULL, repaired BIGINT NOT NULL, started_utc TIMESTAMP NOT NULL, finished_utc TIMESTAMP NOT NULL, taken VARCHAR, warnings VARCHAR, CHECK((rows_read = ((("stored" + updated) + duplicates) + rejected))));
CREATE TABLE study_runs(fingerprint VARCHAR NOT NULL, "source" VARCHAR NOT NULL, protocol VARCHAR NOT NULL, "target" VARCHAR NOT NULL, interval_minutes INTEGER NOT NULL, vectors BOOLEAN NOT NULL, counts BOOLEAN NOT NULL, seed INTEGER NOT NULL, folds INTEGER NOT NULL, train_rows BIGINT NOT NULL, test_rows BIGINT NOT NULL, best_epoch INTEGER NOT NULL, best_accuracy DOUBLE NOT NULL, last_accuracy DOUBLE, majority DOUBLE NOT NULL, train_loss DOUBLE NOT NULL, "seconds" DOUBLE NOT NULL, figures VARCHAR, history VARCHAR NOT NULL, finished_utc TIMESTAMP NOT NULL);
CREATE TABLE symbols(symbol VARCHAR NOT NULL, calendar VARCHAR NOT NULL, spacing_minutes INTEGER NOT NULL);
CREATE TABLE thresholds(model_id VARCHAR NOT NULL, interval_minutes INTEGER NOT NULL, threshold_bps DOUBLE NOT NULL);
CREATE TABLE trials(test_part VARCHAR NOT NULL, symbol VARCHAR NOT NULL, test_from_utc TIMESTAMP NOT NULL, test_until_utc TIMESTAMP NOT NULL, trial_id VARCHAR NOT NULL, model_id VARCHAR NOT NULL, "name" VARCHAR NOT NULL, tests INTEGER NOT NULL);
CREATE TABLE tweets(platform VARCHAR NOT NULL, tweet_id BIGINT NOT NULL, author VARCHAR, posted_utc TIMESTAMP NOT NULL, "text" VARCHAR USING COMPRESSION Uncompressed NOT NULL, retweet_count BIGINT, favorite_count BIGINT, is_retweet BOOLEAN, counts_as_of_utc TIMESTAMP, source_id INTEGER NOT NULL);
CREATE TABLE windows(symbol VARCHAR NOT NULL, "session" VARCHAR NOT NULL, minute_utc TIMESTAMP NOT NULL, interval_minutes INTEGER NOT NULL, entry_price DOUBLE, exit_price DOUBLE, return_bps DOUBLE, status VARCHAR NOT NULL, exit_utc TIMESTAMP, session_date DATE NOT NULL);

INSERT INTO bars VALUES
('SPX', '2018-12-17 19:55:00', 2500.0, 2500.0, 2500.0, 2500.0, NULL, 2),
('SPX', '2018-12-17 19:56:00', 2500.0, 2500.25, 2500.0, 2500.25, NULL, 2),
('SPX', '2018-12-17 19:57:00', 2500.25, 2500.5, 2500.25, 2500.5, NULL, 2),
('SPX', '2018-12-17 19:58:00', 2500.5, 2500.75, 2500.5, 2500.75, NULL, 2),
('SPX', '2018-12-17 19:59:00', 2500.75, 2501.0, 2500.75, 2501.0, NULL, 2),
('SPX', '2018-12-17 20:00:00', 2501.0, 2501.25, 2501.0, 2501.25, NULL, 2),
('SPX', '2018-12-17 20:01:00', 2501.25, 2501.5, 2501.25, 2501.5, NULL, 2),
('SPX', '2018-12-17 20:10:00', 2503.5, 2503.75, 2503.5, 2503.75, NULL, 2),
('SPX', '2018-12-17 20:11:00', 2503.75, 2504.0, 2503.75, 2504.0, NULL, 2),
('SPX', '2018-12-17 20:12:00', 2504.0, 2504.25, 2504.0, 2504.25, NULL, 2),
('SPX', '2018-12-17 20:13:00', 2504.25, 2504.5, 2504.25, 2504.5, NULL, 2),
('SPX', '2018-12-17 20:14:00', 2504.5, 2504.75, 2504.5, 2504.75, NULL, 2),
('SPX', '2018-12-17 20:02:00', 2501.5, 2501.75, 2501.5, 2501.75, NULL, 2),
('SPX', '2018-12-17 20:03:00', 2501.75, 2502.0, 2501.75, 2502.0, NULL, 2),
('SPX', '2018-12-17 20:04:00', 2502.0, 2502.25, 2502.0, 2502.25, NULL, 2),
('SPX', '2018-12-17 20:05:00', 2502.25, 2502.5, 2502.25, 2502.5, NULL, 2),
('SPX', '2018-12-17 20:06:00', 2502.5, 2502.75, 2502.5, 2502.75, NULL, 2),
('SPX', '2018-12-17 20:07:00', 2502.75, 2503.0, 2502.75, 2503.0, NULL, 2),
('SPX', '2018-12-17 20:08:00', 2503.0, 2503.25, 2503.0, 2503.25, NULL, 2),
('SPX', '2018-12-17 20:09:00', 2503.25, 2503.5, 2503.25, 2503.5, NULL, 2),
('SPX', '2018-12-18 19:55:00', 2500.0, 2500.0, 2500.0, 2500.0, NULL, 2),
('SPX', '2018-12-18 19:56:00', 2500.0, 2500.25, 2500.0, 2500.25, NULL, 2),
('SPX', '2018-12-18 19:57:00', 2500.25, 2500.5, 2500.25, 2500.5, NULL, 2),
('SPX', '2018-12-18 19:58:00', 2500.5, 2500.75, 2500.5, 2500.75, NULL, 2),
('SPX', '2018-12-18 19:59:00', 2500.75, 2501.0, 2500.75, 2501.0, NULL, 2),
('SPX', '2018-12-18 20:00:00', 2501.0, 2501.25, 2501.0, 2501.25, NULL, 2),
('SPX', '2018-12-18 20:01:00', 2501.25, 2501.5, 2501.25, 2501.5, NULL, 2),
('SPX', '2018-12-18 20:10:00', 2503.5, 2503.75, 2503.5, 2503.75, NULL, 2),
('SPX', '2018-12-18 20:11:00', 2503.75, 2504.0, 2503.75, 2504.0, NULL, 2),
('SPX', '2018-12-18 20:12:00', 2504.0, 2504.25, 2504.0, 2504.25, NULL, 2),
('SPX', '2018-12-18 20:13:00', 2504.25, 2504.5, 2504.25, 2504.5, NULL, 2),
('SPX', '2018-12-18 20:14:00', 2504.5, 2504.75, 2504.5, 2504.75, NULL, 2),
('SPX', '2018-12-18 20:02:00', 2501.5, 2501.75, 2501.5, 2501.75, NULL, 2),
('SPX', '2018-12-18 20:03:00', 2501.75, 2502.0, 2501.75, 2502.0, NULL, 2),
('SPX', '2018-12-18 20:04:00', 2502.0, 2502.25, 2502.0, 2502.25, NULL, 2),
('SPX', '2018-12-18 20:05:00', 2502.25, 2502.5, 2502.25, 2502.5, NULL, 2),
('SPX', '2018-12-18 20:06:00', 2502.5, 2502.75, 2502.5, 2502.75, NULL, 2),
('SPX', '2018-12-18 20:07:00', 2502.75, 2503.0, 2502.75, 2503.0, NULL, 2),
('SPX', '2018-12-18 20:08:00', 2503.0, 2503.25, 2503.0, 2503.25, NULL, 2),
('SPX', '2018-12-18 20:09:00', 2503.25, 2503.5, 2503.25, 2503.5, NULL, 2),
('SPX', '2018-12-19 18:55:00', 2500.0, 2500.0, 2500.0, 2500.0, NULL, 2),
('SPX', '2018-12-19 18:56:00', 2500.0, 2500.25, 2500.0, 2500.25, NULL, 2),
('SPX', '2018-12-19 18:57:00', 2500.25, 2500.5, 2500.25, 2500.5, NULL, 2),
('SPX', '2018-12-19 18:58:00', 2500.5, 2500.75, 2500.5, 2500.75, NULL, 2),
('SPX', '2018-12-19 18:59:00', 2500.75, 2501.0, 2500.75, 2501.0, NULL, 2),
('SPX', '2018-12-19 19:00:00', 2501.0, 2501.25, 2501.0, 2501.25, NULL, 2),
('SPX', '2018-12-19 19:01:00', 2501.25, 2501.5, 2501.25, 2501.5, NULL, 2),
('SPX', '2018-12-19 19:10:00', 2503.5, 2503.75, 2503.5, 2503.75, NULL, 2),
('SPX', '2018-12-19 19:11:00', 2503.75, 2504.0, 2503.75, 2504.0, NULL, 2),
('SPX', '2018-12-19 19:12:00', 2504.0, 2504.25, 2504.0, 2504.25, NULL, 2),
('SPX', '2018-12-19 19:13:00', 2504.25, 2504.5, 2504.25, 2504.5, NULL, 2),
('SPX', '2018-12-19 19:14:00', 2504.5, 2504.75, 2504.5, 2504.75, NULL, 2),
('SPX', '2018-12-19 19:02:00', 2501.5, 2501.75, 2501.5, 2501.75, NULL, 2),
('SPX', '2018-12-19 19:03:00', 2501.75, 2502.0, 2501.75, 2502.0, NULL, 2),
('SPX', '2018-12-19 19:04:00', 2502.0, 2502.25, 2502.0, 2502.25, NULL, 2),
('SPX', '2018-12-19 19:05:00', 2502.25, 2502.5, 2502.25, 2502.5, NULL, 2),
('SPX', '2018-12-19 19:06:00', 2502.5, 2502.75, 2502.5, 2502.75, NULL, 2),
('SPX', '2018-12-19 19:07:00', 2502.75, 2503.0, 2502.75, 2503.0, NULL, 2),
('SPX', '2018-12-19 19:08:00', 2503.0, 2503.25, 2503.0, 2503.25, NULL, 2),
('SPX', '2018-12-19 19:09:00', 2503.25, 2503.5, 2503.25, 2503.5, NULL, 2),
('SPX', '2018-12-20 14:55:00', 2500.0, 2500.0, 2500.0, 2500.0, NULL, 2),
('SPX', '2018-12-20 14:56:00', 2500.0, 2500.25, 2500.0, 2500.25, NULL, 2),
('SPX', '2018-12-20 14:57:00', 2500.25, 2500.5, 2500.25, 2500.5, NULL, 2),
('SPX', '2018-12-20 14:58:00', 2500.5, 2500.75, 2500.5, 2500.75, NULL, 2),
('SPX', '2018-12-20 14:59:00', 2500.75, 2501.0, 2500.75, 2501.0, NULL, 2),
('SPX', '2018-12-20 15:00:00', 2501.0, 2501.25, 2501.0, 2501.25, NULL, 2),
('SPX', '2018-12-20 15:01:00', 2501.25, 2501.5, 2501.25, 2501.5, NULL, 2),
('SPX', '2018-12-20 15:10:00', 2503.5, 2503.75, 2503.5, 2503.75, NULL, 2),
('SPX', '2018-12-20 15:11:00', 2503.75, 2504.0, 2503.75, 2504.0, NULL, 2),
('SPX', '2018-12-20 15:12:00', 2504.0, 2504.25, 2504.0, 2504.25, NULL, 2),
('SPX', '2018-12-20 15:13:00', 2504.25, 2504.5, 2504.25, 2504.5, NULL, 2),
('SPX', '2018-12-20 15:14:00', 2504.5, 2504.75, 2504.5, 2504.75, NULL, 2),
('SPX', '2018-12-20 15:02:00', 2501.5, 2501.75, 2501.5, 2501.75, NULL, 2),
('SPX', '2018-12-20 15:03:00', 2501.75, 2502.0, 2501.75, 2502.0, NULL, 2),
('SPX', '2018-12-20 15:04:00', 2502.0, 2502.25, 2502.0, 2502.25, NULL, 2),
('SPX', '2018-12-20 15:05:00', 2502.25, 2502.5, 2502.25, 2502.5, NULL, 2),
('SPX', '2018-12-20 15:06:00', 2502.5, 2502.75, 2502.5, 2502.75, NULL, 2),
('SPX', '2018-12-20 15:07:00', 2502.75, 2503.0, 2502.75, 2503.0, NULL, 2),
('SPX', '2018-12-20 15:08:00', 2503.0, 2503.25, 2503.0, 2503.25, NULL, 2),
('SPX', '2018-12-20 15:09:00', 2503.25, 2503.5, 2503.25, 2503.5, NULL, 2),
('TSLA', '2018-12-17 19:55:00', 340.0, 340.0, 340.0, 340.0, NULL, 3),
('TSLA', '2018-12-17 19:56:00', 340.0, 340.0, 339.5, 339.5, NULL, 3),
('TSLA', '2018-12-17 19:57:00', 339.5, 339.5, 339.0, 339.0, NULL, 3),
('TSLA', '2018-12-17 19:58:00', 339.0, 339.0, 338.5, 338.5, NULL, 3),
('TSLA', '2018-12-17 19:59:00', 338.5, 338.5, 338.0, 338.0, NULL, 3),
('TSLA', '2018-12-17 20:00:00', 338.0, 338.0, 337.5, 337.5, NULL, 3),
('TSLA', '2018-12-17 20:01:00', 337.5, 337.5, 337.0, 337.0, NULL, 3),
('TSLA', '2018-12-17 20:10:00', 333.0, 333.0, 332.5, 332.5, NULL, 3),
('TSLA', '2018-12-17 20:11:00', 332.5, 332.5, 332.0, 332.0, NULL, 3),
('TSLA', '2018-12-17 20:12:00', 332.0, 332.0, 331.5, 331.5, NULL, 3),
('TSLA', '2018-12-17 20:13:00', 331.5, 331.5, 331.0, 331.0, NULL, 3),
('TSLA', '2018-12-17 20:14:00', 331.0, 331.0, 330.5, 330.5, NULL, 3),
('TSLA', '2018-12-17 20:02:00', 337.0, 337.0, 336.5, 336.5, NULL, 3),
('TSLA', '2018-12-17 20:03:00', 336.5, 336.5, 336.0, 336.0, NULL, 3),
('TSLA', '2018-12-17 20:04:00', 336.0, 336.0, 335.5, 335.5, NULL, 3),
('TSLA', '2018-12-17 20:05:00', 335.5, 335.5, 335.0, 335.0, NULL, 3),
('TSLA', '2018-12-17 20:06:00', 335.0, 335.0, 334.5, 334.5, NULL, 3),
('TSLA', '2018-12-17 20:07:00', 334.5, 334.5, 334.0, 334.0, NULL, 3),
('TSLA', '2018-12-17 20:08:00', 334.0, 334.0, 333.5, 333.5, NULL, 3),
('TSLA', '2018-12-17 20:09:00', 333.5, 333.5, 333.0, 333.0, NULL, 3),
('TSLA', '2018-12-18 19:55:00', 340.0, 340.0, 340.0, 340.0, NULL, 3),
('TSLA', '2018-12-18 19:56:00', 340.0, 340.0, 339.5, 339.5, NULL, 3),
('TSLA', '2018-12-18 19:57:00', 339.5, 339.5, 339.0, 339.0, NULL, 3),
('TSLA', '2018-12-18 19:58:00', 339.0, 339.0, 338.5, 338.5, NULL, 3),
('TSLA', '2018-12-18 19:59:00', 338.5, 338.5, 338.0, 338.0, NULL, 3),
('TSLA', '2018-12-18 20:00:00', 338.0, 338.0, 337.5, 337.5, NULL, 3),
('TSLA', '2018-12-18 20:01:00', 337.5, 337.5, 337.0, 337.0, NULL, 3),
('TSLA', '2018-12-18 20:10:00', 333.0, 333.0, 332.5, 332.5, NULL, 3),
('TSLA', '2018-12-18 20:11:00', 332.5, 332.5, 332.0, 332.0, NULL, 3),
('TSLA', '2018-12-18 20:12:00', 332.0, 332.0, 331.5, 331.5, NULL, 3),
('TSLA', '2018-12-18 20:13:00', 331.5, 331.5, 331.0, 331.0, NULL, 3),
('TSLA', '2018-12-18 20:14:00', 331.0, 331.0, 330.5, 330.5, NULL, 3),
('TSLA', '2018-12-18 20:02:00', 337.0, 337.0, 336.5, 336.5, NULL, 3),
('TSLA', '2018-12-18 20:03:00', 336.5, 336.5, 336.0, 336.0, NULL, 3),
('TSLA', '2018-12-18 20:04:00', 336.0, 336.0, 335.5, 335.5, NULL, 3),
('TSLA', '2018-12-18 20:05:00', 335.5, 335.5, 335.0, 335.0, NULL, 3),
('TSLA', '2018-12-18 20:06:00', 335.0, 335.0, 334.5, 334.5, NULL, 3),
('TSLA', '2018-12-18 20:07:00', 334.5, 334.5, 334.0, 334.0, NULL, 3),
('TSLA', '2018-12-18 20:08:00', 334.0, 334.0, 333.5, 333.5, NULL, 3),
('TSLA', '2018-12-18 20:09:00', 333.5, 333.5, 333.0, 333.0, NULL, 3),
('TSLA', '2018-12-19 18:55:00', 340.0, 340.0, 340.0, 340.0, NULL, 3),
('TSLA', '2018-12-19 18:56:00', 340.0, 340.0, 339.5, 339.5, NULL, 3),
('TSLA', '2018-12-19 18:57:00', 339.5, 339.5, 339.0, 339.0, NULL, 3),
('TSLA', '2018-12-19 18:58:00', 339.0, 339.0, 338.5, 338.5, NULL, 3),
('TSLA', '2018-12-19 18:59:00', 338.5, 338.5, 338.0, 338.0, NULL, 3),
('TSLA', '2018-12-19 19:00:00', 338.0, 338.0, 337.5, 337.5, NULL, 3),
('TSLA', '2018-12-19 19:01:00', 337.5, 337.5, 337.0, 337.0, NULL, 3),
('TSLA', '2018-12-19 19:10:00', 333.0, 333.0, 332.5, 332.5, NULL, 3),
('TSLA', '2018-12-19 19:11:00', 332.5, 332.5, 332.0, 332.0, NULL, 3),
('TSLA', '2018-12-19 19:12:00', 332.0, 332.0, 331.5, 331.5, NULL, 3),
('TSLA', '2018-12-19 19:13:00', 331.5, 331.5, 331.0, 331.0, NULL, 3),
('TSLA', '2018-12-19 19:14:00', 331.0, 331.0, 330.5, 330.5, NULL, 3),
('TSLA', '2018-12-19 19:02:00', 337.0, 337.0, 336.5, 336.5, NULL, 3),
('TSLA', '2018-12-19 19:03:00', 336.5, 336.5, 336.0, 336.0, NULL, 3),
('TSLA', '2018-12-19 19:04:00', 336.0, 336.0, 335.5, 335.5, NULL, 3),
('TSLA', '2018-12-19 19:05:00', 335.5, 335.5, 335.0, 335.0, NULL, 3),
('TSLA', '2018-12-19 19:06:00', 335.0, 335.0, 334.5, 334.5, NULL, 3),
('TSLA', '2018-12-19 19:07:00', 334.5, 334.5, 334.0, 334.0, NULL, 3),
('TSLA', '2018-12-19 19:08:00', 334.0, 334.0, 333.5, 333.5, NULL, 3),
('TSLA', '2018-12-19 19:09:00', 333.5, 333.5, 333.0, 333.0, NULL, 3),
('TSLA', '2018-12-20 14:55:00', 340.0, 340.0, 340.0, 340.0, NULL, 3),
('TSLA', '2018-12-20 14:56:00', 340.0, 340.0, 339.5, 339.5, NULL, 3),
('TSLA', '2018-12-20 14:57:00', 339.5, 339.5, 339.0, 339.0, NULL, 3),
('TSLA', '2018-12-20 14:58:00', 339.0, 339.0, 338.5, 338.5, NULL, 3),
('TSLA', '2018-12-20 14:59:00', 338.5, 338.5, 338.0, 338.0, NULL, 3),
('TSLA', '2018-12-20 15:00:00', 338.0, 338.0, 337.5, 337.5, NULL, 3),
('TSLA', '2018-12-20 15:01:00', 337.5, 337.5, 337.0, 337.0, NULL, 3),
('TSLA', '2018-12-20 15:10:00', 333.0, 333.0, 332.5, 332.5, NULL, 3),
('TSLA', '2018-12-20 15:11:00', 332.5, 332.5, 332.0, 332.0, NULL, 3),
('TSLA', '2018-12-20 15:12:00', 332.0, 332.0, 331.5, 331.5, NULL, 3),
('TSLA', '2018-12-20 15:13:00', 331.5, 331.5, 331.0, 331.0, NULL, 3),
('TSLA', '2018-12-20 15:14:00', 331.0, 331.0, 330.5, 330.5, NULL, 3),
('TSLA', '2018-12-20 15:02:00', 337.0, 337.0, 336.5, 336.5, NULL, 3),
('TSLA', '2018-12-20 15:03:00', 336.5, 336.5, 336.0, 336.0, NULL, 3),
('TSLA', '2018-12-20 15:04:00', 336.0, 336.0, 335.5, 335.5, NULL, 3),
('TSLA', '2018-12-20 15:05:00', 335.5, 335.5, 335.0, 335.0, NULL, 3),
('TSLA', '2018-12-20 15:06:00', 335.0, 335.0, 334.5, 334.5, NULL, 3),
('TSLA', '2018-12-20 15:07:00', 334.5, 334.5, 334.0, 334.0, NULL, 3),
('TSLA', '2018-12-20 15:08:00', 334.0, 334.0, 333.5, 333.5, NULL, 3),
('TSLA', '2018-12-20 15:09:00', 333.5, 333.5, 333.0, 333.0, NULL, 3);
INSERT INTO frozen VALUES
('2d5026e6a9a70d1e', 'c63a5dbc31699641fc3f839e7648ae4df272d552029621eab90cf2beb8ae6e89', '2018-12-19 12:00:00');
INSERT INTO intervals VALUES
(30),
(5);
INSERT INTO known_words VALUES
('2d5026e6a9a70d1e', 'Latin', 14, 10);
INSERT INTO link_rules VALUES
(1, 'SPX', 'cashtag', 'SPX', NULL, NULL),
(2, 'TSLA', 'cashtag', 'TSLA', NULL, NULL);
INSERT INTO linked_sources VALUES
(1);
INSERT INTO links VALUES
('twitter', 1, 'SPX', [1]),
('twitter', 3, 'SPX', [1]),
('twitter', 3, 'TSLA', [2]);
INSERT INTO models VALUES
('2d5026e6a9a70d1e', 'up', 'direction', ['down', 'up'], 'regular', false, '2018-12-18 15:00:00', '2018-12-18 21:00:00', '2018-12-19 19:01:00', '2018-12-19 23:00:00', '{"name": "up", "classes": ["down", "up"], "intervals": [5, 30], "session": "regular", "text_rules": {"stop_words": ["a", "about", "above", "after", "again", "against", "ain", "all", "am", "an", "and", "any", "are", "aren", "aren''t", "as", "at", "be", "because", "been", "before", "being", "below", "between", "both", "but", "by", "can", "couldn", "couldn''t", "d", "did", "didn", "didn''t", "do", "does", "doesn", "doesn''t", "doing", "don", "don''t", "down", "during", "each", "few", "for", "from", "further", "had", "hadn", "hadn''t", "has", "hasn", "hasn''t", "have", "haven", "haven''t", "having", "he", "her", "here", "hers", "herself", "him", "himself", "his", "how", "i", "if", "in", "into", "is", "isn", "isn''t", "it", "it''s", "its", "itself", "just", "ll", "m", "ma", "me", "mightn", "mightn''t", "more", "most", "mustn", "mustn''t", "my", "myself", "needn", "needn''t", "no", "nor", "not", "now", "o", "of", "off", "on", "once", "only", "or", "other", "our", "ours", "ourselves", "out", "over", "own", "re", "s", "same", "shan", "shan''t", "she", "she''s", "should", "should''ve", "shouldn", "shouldn''t", "so", "some", "such", "t", "than", "that", "that''ll", "the", "their", "theirs", "them", "themselves", "then", "there", "these", "they", "this", "those", "through", "to", "too", "under", "until", "up", "ve", "very", "was", "wasn", "wasn''t", "we", "were", "weren", "weren''t", "what", "when", "where", "which", "while", "who", "whom", "why", "will", "with", "won", "won''t", "wouldn", "wouldn''t", "y", "you", "you''d", "you''ll", "you''re", "you''ve", "your", "yours", "yourself", "yourselves"], "max_tokens": 6, "version": 2}, "counts": null, "split": {"train_from_utc": "2018-12-18T15:00:00", "train_until_utc": "2018-12-18T21:00:00", "validation_from_utc": "2018-12-18T21:00:00", "test_from_utc": "2018-12-19T19:01:00", "test_until_utc": "2018-12-19T23:00:00"}, "format": 1, "sha256": {"model.onnx": "12c1a0ecf1edf1aa2a705b4df579b1c800f8a6131ebf397813f2104c619974a5", "vocabulary.txt": "91459b4bce2ddf60de927c06810561ec23c9b7f53fd4452e08585ef2844597d2"}}');
INSERT INTO predictions VALUES
('2d5026e6a9a70d1e', 'twitter', 1, 30, 2, 0.4834047555923462),
('2d5026e6a9a70d1e', 'twitter', 1, 5, 2, 0.19114795327186584),
('2d5026e6a9a70d1e', 'twitter', 2, 30, 2, 0.4889373779296875),
('2d5026e6a9a70d1e', 'twitter', 2, 5, 2, 0.18468472361564636),
('2d5026e6a9a70d1e', 'twitter', 3, 30, 2, 0.3245455324649811),
('2d5026e6a9a70d1e', 'twitter', 3, 5, 2, 0.389741450548172),
('2d5026e6a9a70d1e', 'twitter', 4, 30, 2, 0.32445061206817627),
('2d5026e6a9a70d1e', 'twitter', 4, 5, 2, 0.3888321816921234),
('2d5026e6a9a70d1e', 'twitter', 5, 30, 2, 0.33386415243148804),
('2d5026e6a9a70d1e', 'twitter', 5, 5, 2, 0.36413079500198364);
INSERT INTO sessions VALUES
('SPX', 'extended', '2018-12-17', '2018-12-17 19:55:00', '2018-12-17 20:15:00'),
('SPX', 'extended', '2018-12-18', '2018-12-18 19:55:00', '2018-12-18 20:15:00'),
('SPX', 'extended', '2018-12-19', '2018-12-19 18:55:00', '2018-12-19 19:15:00'),
('SPX', 'extended', '2018-12-20', '2018-12-20 14:55:00', '2018-12-20 15:15:00'),
('SPX', 'regular', '2018-12-17', '2018-12-17 14:30:00', '2018-12-17 21:00:00'),
('SPX', 'regular', '2018-12-18', '2018-12-18 14:30:00', '2018-12-18 21:00:00'),
('SPX', 'regular', '2018-12-19', '2018-12-19 14:30:00', '2018-12-19 21:00:00'),
('SPX', 'regular', '2018-12-20', '2018-12-20 14:30:00', '2018-12-20 21:00:00'),
('TSLA', 'extended', '2018-12-17', '2018-12-17 19:55:00', '2018-12-17 20:15:00'),
('TSLA', 'extended', '2018-12-18', '2018-12-18 19:55:00', '2018-12-18 20:15:00'),
('TSLA', 'extended', '2018-12-19', '2018-12-19 18:55:00', '2018-12-19 19:15:00'),
('TSLA', 'extended', '2018-12-20', '2018-12-20 14:55:00', '2018-12-20 15:15:00'),
('TSLA', 'regular', '2018-12-17', '2018-12-17 14:30:00', '2018-12-17 21:00:00'),
('TSLA', 'regular', '2018-12-18', '2018-12-18 14:30:00', '2018-12-18 21:00:00'),
('TSLA', 'regular', '2018-12-19', '2018-12-19 14:30:00', '2018-12-19 21:00:00'),
('TSLA', 'regular', '2018-12-20', '2018-12-20 14:30:00', '2018-12-20 21:00:00');
INSERT INTO settings VALUES
(5, 5, 0.0);
INSERT INTO sources VALUES
(1, 'posts.json', 'aa', 900, 'tweets', 'tta_json', NULL, 'proven', 5, 5, 0, 0, 0, 0, '2019-01-01 00:00:00', '2019-01-01 00:00:01', NULL, NULL),
(2, 'spx.csv', 'bb', 900, 'bars', 'csv', 'SPX', 'proven', 80, 80, 0, 0, 0, 0, '2019-01-01 00:00:02', '2019-01-01 00:00:03', NULL, NULL),
(3, 'tsla.csv', 'cc', 900, 'bars', 'csv', 'TSLA', 'proven', 80, 80, 0, 0, 0, 0, '2019-01-01 00:00:02', '2019-01-01 00:00:03', NULL, NULL);
INSERT INTO symbols VALUES
('SPX', 'XNYS', 1),
('TSLA', 'XNYS', 1);
INSERT INTO trials VALUES
('790334445c9e3d12', 'SPX', '2018-12-19 19:01:00', '2018-12-19 23:00:00', 'cdcdcdcdcdcdcdcd/790334445c9e3d12', '2d5026e6a9a70d1e', 'up', 4),
('790334445c9e3d12', 'SPX', '2018-12-19 19:01:00', '2018-12-20 15:14:00', '2d5026e6a9a70d1e/790334445c9e3d12', '2d5026e6a9a70d1e', 'up', 4),
('953cf6cd5e0c898d', 'TSLA', '2018-12-19 19:01:00', '2018-12-20 15:14:00', '2d5026e6a9a70d1e/953cf6cd5e0c898d', '2d5026e6a9a70d1e', 'up', 4),
('abababababababab', 'SPX', '2018-12-19 19:01:00', '2018-12-19 23:00:00', 'cdcdcdcdcdcdcdcd', '2d5026e6a9a70d1e', 'up', 2);
INSERT INTO tweets VALUES
('twitter', 1, 'somebody', '2018-12-17 20:00:00', '$SPX stocks up, great day', 1, 2, false, NULL, 1),
('twitter', 2, 'somebody', '2018-12-18 20:00:00', 'sad day', 1, 2, false, NULL, 1),
('twitter', 3, 'somebody', '2018-12-19 19:00:00', 'stocks down $TSLA $spx', 1, 2, false, NULL, 1),
('twitter', 4, 'somebody', '2018-12-19 19:05:00', 'tariffs #tesla', 1, 2, false, NULL, 1),
('twitter', 5, 'somebody', '2018-12-20 15:00:00', 'china tariffs win', 1, 2, false, NULL, 1);
INSERT INTO windows VALUES
('SPX', 'extended', '2018-12-17 20:00:00', 30, 2501.0, NULL, NULL, 'crosses_close', '2018-12-17 20:30:00', '2018-12-17'),
('SPX', 'extended', '2018-12-17 20:00:00', 5, 2501.0, 2502.25, 4.998000799680824, 'ok', '2018-12-17 20:05:00', '2018-12-17'),
('SPX', 'extended', '2018-12-18 20:00:00', 30, 2501.0, NULL, NULL, 'crosses_close', '2018-12-18 20:30:00', '2018-12-18'),
('SPX', 'extended', '2018-12-18 20:00:00', 5, 2501.0, 2502.25, 4.998000799680824, 'ok', '2018-12-18 20:05:00', '2018-12-18'),
('SPX', 'extended', '2018-12-19 19:00:00', 30, 2501.0, NULL, NULL, 'crosses_close', '2018-12-19 19:30:00', '2018-12-19'),
('SPX', 'extended', '2018-12-19 19:00:00', 5, 2501.0, 2502.25, 4.998000799680824, 'ok', '2018-12-19 19:05:00', '2018-12-19'),
('SPX', 'extended', '2018-12-19 19:05:00', 30, 2502.25, NULL, NULL, 'crosses_close', '2018-12-19 19:35:00', '2018-12-19'),
('SPX', 'extended', '2018-12-19 19:05:00', 5, 2502.25, 2503.5, 4.995504046358956, 'ok', '2018-12-19 19:10:00', '2018-12-19'),
('SPX', 'extended', '2018-12-20 15:00:00', 30, 2501.0, NULL, NULL, 'crosses_close', '2018-12-20 15:30:00', '2018-12-20'),
('SPX', 'extended', '2018-12-20 15:00:00', 5, 2501.0, 2502.25, 4.998000799680824, 'ok', '2018-12-20 15:05:00', '2018-12-20'),
('SPX', 'regular', '2018-12-17 20:00:00', 30, 2501.0, NULL, NULL, 'no_exit', '2018-12-17 20:30:00', '2018-12-17'),
('SPX', 'regular', '2018-12-17 20:00:00', 5, 2501.0, 2502.25, 4.998000799680824, 'ok', '2018-12-17 20:05:00', '2018-12-17'),
('SPX', 'regular', '2018-12-18 20:00:00', 30, 2501.0, NULL, NULL, 'no_exit', '2018-12-18 20:30:00', '2018-12-18'),
('SPX', 'regular', '2018-12-18 20:00:00', 5, 2501.0, 2502.25, 4.998000799680824, 'ok', '2018-12-18 20:05:00', '2018-12-18'),
('SPX', 'regular', '2018-12-19 19:00:00', 30, 2501.0, NULL, NULL, 'no_exit', '2018-12-19 19:30:00', '2018-12-19'),
('SPX', 'regular', '2018-12-19 19:00:00', 5, 2501.0, 2502.25, 4.998000799680824, 'ok', '2018-12-19 19:05:00', '2018-12-19'),
('SPX', 'regular', '2018-12-19 19:05:00', 30, 2502.25, NULL, NULL, 'no_exit', '2018-12-19 19:35:00', '2018-12-19'),
('SPX', 'regular', '2018-12-19 19:05:00', 5, 2502.25, 2503.5, 4.995504046358956, 'ok', '2018-12-19 19:10:00', '2018-12-19'),
('SPX', 'regular', '2018-12-20 15:00:00', 30, 2501.0, NULL, NULL, 'no_exit', '2018-12-20 15:30:00', '2018-12-20'),
('SPX', 'regular', '2018-12-20 15:00:00', 5, 2501.0, 2502.25, 4.998000799680824, 'ok', '2018-12-20 15:05:00', '2018-12-20'),
('TSLA', 'extended', '2018-12-17 20:00:00', 30, 338.0, NULL, NULL, 'crosses_close', '2018-12-17 20:30:00', '2018-12-17'),
('TSLA', 'extended', '2018-12-17 20:00:00', 5, 338.0, 335.5, -73.96449704141995, 'ok', '2018-12-17 20:05:00', '2018-12-17'),
('TSLA', 'extended', '2018-12-18 20:00:00', 30, 338.0, NULL, NULL, 'crosses_close', '2018-12-18 20:30:00', '2018-12-18'),
('TSLA', 'extended', '2018-12-18 20:00:00', 5, 338.0, 335.5, -73.96449704141995, 'ok', '2018-12-18 20:05:00', '2018-12-18'),
('TSLA', 'extended', '2018-12-19 19:00:00', 30, 338.0, NULL, NULL, 'crosses_close', '2018-12-19 19:30:00', '2018-12-19'),
('TSLA', 'extended', '2018-12-19 19:00:00', 5, 338.0, 335.5, -73.96449704141995, 'ok', '2018-12-19 19:05:00', '2018-12-19'),
('TSLA', 'extended', '2018-12-19 19:05:00', 30, 335.5, NULL, NULL, 'crosses_close', '2018-12-19 19:35:00', '2018-12-19'),
('TSLA', 'extended', '2018-12-19 19:05:00', 5, 335.5, 333.0, -74.51564828613976, 'ok', '2018-12-19 19:10:00', '2018-12-19'),
('TSLA', 'extended', '2018-12-20 15:00:00', 30, 338.0, NULL, NULL, 'crosses_close', '2018-12-20 15:30:00', '2018-12-20'),
('TSLA', 'extended', '2018-12-20 15:00:00', 5, 338.0, 335.5, -73.96449704141995, 'ok', '2018-12-20 15:05:00', '2018-12-20'),
('TSLA', 'regular', '2018-12-17 20:00:00', 30, 338.0, NULL, NULL, 'no_exit', '2018-12-17 20:30:00', '2018-12-17'),
('TSLA', 'regular', '2018-12-17 20:00:00', 5, 338.0, 335.5, -73.96449704141995, 'ok', '2018-12-17 20:05:00', '2018-12-17'),
('TSLA', 'regular', '2018-12-18 20:00:00', 30, 338.0, NULL, NULL, 'no_exit', '2018-12-18 20:30:00', '2018-12-18'),
('TSLA', 'regular', '2018-12-18 20:00:00', 5, 338.0, 335.5, -73.96449704141995, 'ok', '2018-12-18 20:05:00', '2018-12-18'),
('TSLA', 'regular', '2018-12-19 19:00:00', 30, 338.0, NULL, NULL, 'no_exit', '2018-12-19 19:30:00', '2018-12-19'),
('TSLA', 'regular', '2018-12-19 19:00:00', 5, 338.0, 335.5, -73.96449704141995, 'ok', '2018-12-19 19:05:00', '2018-12-19'),
('TSLA', 'regular', '2018-12-19 19:05:00', 30, 335.5, NULL, NULL, 'no_exit', '2018-12-19 19:35:00', '2018-12-19'),
('TSLA', 'regular', '2018-12-19 19:05:00', 5, 335.5, 333.0, -74.51564828613976, 'ok', '2018-12-19 19:10:00', '2018-12-19'),
('TSLA', 'regular', '2018-12-20 15:00:00', 30, 338.0, NULL, NULL, 'no_exit', '2018-12-20 15:30:00', '2018-12-20'),
('TSLA', 'regular', '2018-12-20 15:00:00', 5, 338.0, 335.5, -73.96449704141995, 'ok', '2018-12-20 15:05:00', '2018-12-20');

CREATE MACRO enters_at_once (interval_minutes, spacing_minutes) AS (((interval_minutes < 1000000) AND (spacing_minutes = 1)));
CREATE MACRO entry_minute (posted_utc) AS (date_trunc('minute', (posted_utc + to_microseconds(CAST(trunc(CAST(59999999 AS DOUBLE)) AS BIGINT)))));
CREATE MACRO has_windows (interval_minutes, spacing_minutes) AS (((interval_minutes > 1000000) OR ((spacing_minutes < 1440) AND ((interval_minutes % spacing_minutes) = 0))));
CREATE MACRO in_time (posted_utc, minute_utc, interval_minutes, spacing_minutes, bars_from_utc) AS (((entry_minute(posted_utc) >= bars_from_utc) AND ((interval_minutes > 1000000) OR (minute_utc < (posted_utc + to_minutes(spacing_minutes))))));
CREATE MACRO move_before (of_session) AS TABLE ((SELECT symbol, interval_minutes, exit_utc AS minute_utc, return_bps AS past_bps FROM windows WHERE (("session" = of_session) AND (status = 'ok') AND (interval_minutes < 1000000))) UNION ALL (SELECT w.symbol, w.interval_minutes, w.minute_utc, past.return_bps FROM ((SELECT * FROM windows WHERE (("session" = of_session) AND (interval_minutes > 1000000))) AS w ASOF INNER JOIN (SELECT * FROM windows WHERE (("session" = of_session) AND (status = 'ok') AND (interval_minutes > 1000000)) QUALIFY (minute_utc = max(minute_utc) OVER (PARTITION BY symbol, interval_minutes, session_date))) AS past ON (((past.symbol = w.symbol) AND (past.interval_minutes = w.interval_minutes) AND (past.exit_utc <= w.minute_utc))))));
CREATE MACRO negative_class (target) AS (CASE  WHEN (("target" = 'direction')) THEN ('down') WHEN (("target" = 'move')) THEN ('still') ELSE NULL END);
CREATE MACRO outcome_class (target, return_bps, threshold_bps, flat_bps) AS (CASE  WHEN (("target" = 'direction')) THEN (CASE  WHEN ((abs(return_bps) <= flat_bps)) THEN ('flat') WHEN ((return_bps > 0)) THEN ('up') WHEN ((return_bps < 0)) THEN ('down') ELSE NULL END) WHEN (("target" = 'move')) THEN (CASE  WHEN ((abs(return_bps) > threshold_bps)) THEN ('move') WHEN ((abs(return_bps) <= threshold_bps)) THEN ('still') ELSE NULL END) ELSE NULL END);
CREATE MACRO positive_class (target) AS (CASE  WHEN (("target" = 'direction')) THEN ('up') WHEN (("target" = 'move')) THEN ('move') ELSE NULL END);
CREATE MACRO predicted_class (target, probability) AS ("if"((probability >= 0.5), positive_class("target"), negative_class("target")));
CREATE MACRO sessions (ahead) AS ((1000000 + ahead));
CREATE MACRO sessions_of (interval_minutes) AS (CASE  WHEN ((interval_minutes > 1000000)) THEN ((interval_minutes - 1000000)) ELSE NULL END);
CREATE MACRO split_of (minute_utc, train_from_utc, validation_from_utc, test_from_utc, test_until_utc) AS (CASE  WHEN ((train_from_utc IS NULL)) THEN ('unknown') WHEN ((minute_utc < train_from_utc)) THEN ('before') WHEN ((minute_utc < validation_from_utc)) THEN ('train') WHEN ((minute_utc < test_from_utc)) THEN ('validation') WHEN ((minute_utc < test_until_utc)) THEN ('test') ELSE 'after' END);
CREATE MACRO t_975 (degrees) AS (CASE  WHEN ((degrees BETWEEN 1 AND 10)) THEN (CAST(list_value(12.70620474, 4.30265273, 3.182446305, 2.776445105, 2.570581836, 2.446911851, 2.364624252, 2.306004135, 2.262157163, 2.228138852)[degrees] AS DOUBLE)) WHEN ((degrees > 10)) THEN (((((1.959963985 + (2.37227123 / degrees)) + (2.822498616 / (degrees ** 2))) + (2.55584968 / (degrees ** 3))) + (1.589534053 / (degrees ** 4)))) ELSE NULL END);
CREATE MACRO tweets_of (of_symbol) AS TABLE (SELECT * FROM tweets WHERE ((NOT EXISTS(SELECT * FROM link_rules)) OR ("row"(platform, tweet_id) = ANY(SELECT platform, tweet_id FROM links WHERE (symbol = of_symbol)))));
CREATE MACRO unseen (split) AS ((split IN ('test', 'after')));
CREATE MACRO volatility_before (of_session) AS TABLE (SELECT symbol, minute_utc, sqrt(avg((change_bps * change_bps)) OVER (PARTITION BY symbol ORDER BY minute_utc RANGE BETWEEN to_minutes(CAST(trunc(CAST(29 AS DOUBLE)) AS BIGINT)) PRECEDING AND CURRENT ROW)) AS volatility_bps FROM (SELECT symbol, minute_utc, CASE  WHEN (((minute_utc - lag(minute_utc) OVER (PARTITION BY symbol ORDER BY minute_utc)) <= to_minutes(spacing_minutes))) THEN ((((entry_price / lag(entry_price) OVER (PARTITION BY symbol ORDER BY minute_utc)) - 1) * 10000)) ELSE NULL END AS change_bps FROM (windows INNER JOIN (SELECT symbol, spacing_minutes, interval_minutes FROM (symbols CROSS JOIN intervals) WHERE has_windows(interval_minutes, spacing_minutes) QUALIFY (interval_minutes = min(interval_minutes) OVER (PARTITION BY symbol))) USING (symbol, interval_minutes)) WHERE (("session" = of_session) AND (entry_price IS NOT NULL))));
CREATE VIEW probabilities AS SELECT p.platform, p.tweet_id, c.model, p.model_id, c."target", p.interval_minutes, c."class", p.probability FROM (predictions AS p INNER JOIN (SELECT model_id, "name" AS model, "target", unnest(classes) AS "class", generate_subscripts(classes, 1) AS class_number FROM models) AS c USING (model_id, class_number));
CREATE VIEW probabilities_up AS SELECT platform, tweet_id, model, model_id, interval_minutes, probability AS probability_up FROM probabilities WHERE ("target" = 'direction');
CREATE VIEW scored_any AS WITH spans AS (SELECT symbol, calendar, spacing_minutes, min(open_utc) AS first_utc, max(close_utc) AS last_utc, CASE  WHEN (EXISTS(SELECT * FROM link_rules)) THEN (symbol) ELSE '' END AS linked FROM (sessions LEFT JOIN symbols USING (symbol)) WHERE ("session" = 'extended') GROUP BY symbol, calendar, spacing_minutes), joined AS NOT MATERIALIZED (SELECT t.platform, t.tweet_id, t.author, t.posted_utc, t."text", m."name" AS model, p.model_id, t.first_minute_utc, m.train_from_utc, m.validation_from_utc, m.test_from_utc, m.test_until_utc, spans.symbol, spans.calendar, spans.first_utc, spans.last_utc, kinds."session", COALESCE(spans.spacing_minutes, 1) AS spacing_minutes, (l.symbol IS NULL) AS unlinked, m."target", p.interval_minutes, p.probability, h.threshold_bps, predicted_class(m."target", p.probability) AS predicted FROM ((((((predictions AS p INNER JOIN models AS m USING (model_id)) INNER JOIN (SELECT *, entry_minute(posted_utc) AS first_minute_utc FROM tweets) AS t USING (platform, tweet_id)) LEFT JOIN thresholds AS h ON (((h.model_id = p.model_id) AND (h.interval_minutes = p.interval_minutes)))) CROSS JOIN (SELECT * FROM (VALUES ('regular'), ('extended')) AS valueslist) AS kinds("session")) LEFT JOIN links AS l ON (((l.platform = p.platform) AND (l.tweet_id = p.tweet_id)))) LEFT JOIN spans ON ((spans.linked = COALESCE(l.symbol, '')))) WHERE (positive_class(m."target") IS NOT NULL)), waiting AS (SELECT j.platform, j.tweet_id, j.model_id, j.symbol, j."session", j.interval_minutes, w.minute_utc FROM (joined AS j ASOF INNER JOIN windows AS w ON (((w.symbol = j.symbol) AND (w."session" = j."session") AND (w.interval_minutes = j.interval_minutes) AND (w.minute_utc >= j.first_minute_utc)))) WHERE ((NOT enters_at_once(j.interval_minutes, j.spacing_minutes)) AND in_time(j.posted_utc, w.minute_utc, j.interval_minutes, j.spacing_minutes, j.first_utc))), entered AS (SELECT j.*, COALESCE(w.minute_utc, j.first_minute_utc) AS minute_utc FROM (joined AS j LEFT JOIN waiting AS w USING (platform, tweet_id, model_id, symbol, "session", interval_minutes))) SELECT j.platform, j.tweet_id, j.author, j.posted_utc, j."text", j.model, j.model_id, split_of(j.minute_utc, j.train_from_utc, j.validation_from_utc, j.test_from_utc, j.test_until_utc) AS split, j.symbol, j."session", j."target", j.interval_minutes, j.probability, j.threshold_bps, j.predicted, j.minute_utc, w.entry_price, w.exit_price, w.return_bps, CASE  WHEN ((w.status = 'ok')) THEN (outcome_class(j."target", w.return_bps, j.threshold_bps, rules.flat_bps)) ELSE NULL END AS outcome, CASE  WHEN ((j.unlinked AND rules.has_rules)) THEN ('no_symbol') WHEN ((CAST((j.first_minute_utc BETWEEN j.first_utc AND j.last_utc) AS BOOLEAN) IS DISTINCT FROM true)) THEN ('no_data') WHEN ((NOT has_windows(j.interval_minutes, j.spacing_minutes))) THEN ('no_horizon') WHEN (((j."session" = 'regular') AND (j.calendar = 'unknown'))) THEN ('no_calendar') ELSE COALESCE(w.status, 'market_closed') END AS status, CASE  WHEN ((outcome != 'flat')) THEN ((outcome = j.predicted)) ELSE NULL END AS correct, w.exit_utc, w.session_date FROM ((entered AS j CROSS JOIN (SELECT flat_bps, EXISTS(SELECT * FROM link_rules) AS has_rules FROM settings) AS rules) LEFT JOIN windows AS w ON (((w.symbol = j.symbol) AND (w."session" = j."session") AND (w.minute_utc = j.minute_utc) AND (w.interval_minutes = j.interval_minutes))));
CREATE VIEW scored_days AS SELECT * FROM scored_any WHERE (("session" = 'regular') AND (status = 'ok'));
CREATE VIEW scored_labels AS SELECT t.platform, t.tweet_id, t.author, t.posted_utc, t."text", p.model, p.model_id, arg_max(p."class", p.probability) AS "class", max(p.probability) AS probability FROM (probabilities AS p INNER JOIN tweets AS t USING (platform, tweet_id)) WHERE (p."target" = 'label') GROUP BY ALL;
CREATE VIEW scored_moves AS SELECT platform, tweet_id, author, posted_utc, "text", model, model_id, split, symbol, interval_minutes, probability AS probability_move, threshold_bps, predicted, minute_utc, entry_price, exit_price, return_bps, outcome, status, correct FROM scored_any WHERE (("target" = 'move') AND ("session" = 'regular'));
CREATE VIEW stretches AS WITH marked AS (SELECT symbol, "session", open_utc, close_utc, CAST(COALESCE((open_utc > lag(close_utc) OVER (PARTITION BY symbol, "session" ORDER BY open_utc)), true) AS INTEGER) AS starts FROM sessions), numbered AS (SELECT *, sum(starts) OVER (PARTITION BY symbol, "session" ORDER BY open_utc) AS stretch FROM marked) SELECT symbol, "session", min(open_utc) AS open_utc, max(close_utc) AS close_utc FROM numbered GROUP BY symbol, "session", stretch;
CREATE MACRO half_width_95 (total, counted) AS (((t_975((count_star() FILTER (WHERE (counted > 0)) - 1)) * "nullif"(sqrt(((count_star() FILTER (WHERE (counted > 0)) / (count_star() FILTER (WHERE (counted > 0)) - 1)) * greatest(0.0, ((sum((total * total)) - (((2 * sum(total)) / sum(counted)) * sum((total * counted)))) + (((sum(total) / sum(counted)) ** 2) * sum((counted * counted))))))), 0)) / sum(counted)));
CREATE MACRO horizon (interval_minutes) AS (COALESCE((sessions_of(interval_minutes) || 'd'), CAST(interval_minutes AS VARCHAR)));
CREATE MACRO is_positive (target, class) AS (CASE  WHEN (("class" = positive_class("target"))) THEN (true) WHEN (("class" = negative_class("target"))) THEN (false) ELSE NULL END);
CREATE MACRO share_high_95 (total, counted) AS (CASE  WHEN ((half_width_95(total, counted) IS NOT NULL)) THEN (least(1.0, ((sum(total) / sum(counted)) + half_width_95(total, counted)))) ELSE NULL END);
CREATE MACRO share_low_95 (total, counted) AS (CASE  WHEN ((half_width_95(total, counted) IS NOT NULL)) THEN (greatest(0.0, ((sum(total) / sum(counted)) - half_width_95(total, counted)))) ELSE NULL END);
CREATE VIEW scored_all AS SELECT platform, tweet_id, author, posted_utc, "text", model, model_id, split, symbol, "session", interval_minutes, probability AS probability_up, predicted, minute_utc, entry_price, exit_price, return_bps, outcome AS direction, status, correct FROM scored_any WHERE ("target" = 'direction');
CREATE VIEW scored_extended AS SELECT * EXCLUDE ("session") FROM scored_all WHERE ("session" = 'extended');
CREATE VIEW scored AS SELECT * EXCLUDE ("session") FROM scored_all WHERE ("session" = 'regular');
