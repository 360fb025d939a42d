-- Inserts a reject of $source_id for each prediction given that cannot be used.
INSERT INTO rejects BY NAME
SELECT
    $source_id AS source_id, line, byte_offset, reason,
    to_json({
        'platform': named, 'tweet_id': tweet_id, 'interval_minutes': interval_minutes,
        'probability': probability, 'made_utc': made_utc
    })::VARCHAR AS raw
FROM given_judged WHERE reason IS NOT NULL;
