-- From schema 5 to 6: until when a model may have seen posts. One with a split of its own has seen none of its
-- test part.

ALTER TABLE models ADD COLUMN knows_until_utc TIMESTAMP;

UPDATE models SET knows_until_utc = test_from_utc;
