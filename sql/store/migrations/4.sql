-- From schema 3 to 4: a ledger of the models that have looked at a test part, and of models that were frozen.

CREATE TABLE trials (
    test_part VARCHAR NOT NULL,
    symbol VARCHAR NOT NULL,
    test_from_utc TIMESTAMP NOT NULL,
    test_until_utc TIMESTAMP NOT NULL,
    trial_id VARCHAR NOT NULL,
    model_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    tests INTEGER NOT NULL
);

-- Each model that has scored here was measured on its test part when it was trained.
INSERT INTO trials
SELECT
    left(card -> 'rows' -> 'test' ->> 'sha256', 16),
    card ->> 'symbol',
    test_from_utc,
    test_until_utc,
    left(card -> 'sha256' ->> 'model.onnx', 16),
    model_id,
    name,
    json_array_length(card -> 'intervals')
FROM models
WHERE target <> 'label' AND test_from_utc IS NOT NULL AND card ->> 'symbol' IS NOT NULL
    AND card -> 'rows' -> 'test' ->> 'sha256' IS NOT NULL
    AND card -> 'sha256' ->> 'model.onnx' IS NOT NULL;

CREATE TABLE frozen (
    model_id VARCHAR NOT NULL,
    bundle_sha256 VARCHAR NOT NULL,
    frozen_utc TIMESTAMP NOT NULL
);
