-- Makes the table of the predictions of one file that can be read. platform is null where any may be meant.
CREATE OR REPLACE TEMP TABLE given_rows (
    line BIGINT, byte_offset BIGINT, platform VARCHAR, tweet_id BIGINT, interval_minutes INTEGER,
    probability FLOAT, made_utc TIMESTAMP
);
