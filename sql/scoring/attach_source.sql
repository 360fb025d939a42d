-- Inserts the row of a folder of results: the tweets in it that were there already are duplicates.
INSERT INTO sources BY NAME
SELECT
    $source_id AS source_id, $folder AS name, $sha256 AS sha256, $bytes AS bytes,
    'tweets' AS kind, 'scored-parquet' AS format, 'UTC, as it was scored' AS clock,
    $rows AS rows_read, $stored AS stored, 0 AS updated, $rows - $stored AS duplicates,
    0 AS rejected, 0 AS repaired, $started_utc AS started_utc, $finished_utc AS finished_utc;
