-- From schema 2 to 3: one table of predictions for all targets, and plain names.

ALTER TABLE sources RENAME mended TO repaired;
ALTER TABLE sources ADD COLUMN taken VARCHAR;
ALTER TABLE sources ADD COLUMN warnings VARCHAR;

UPDATE study_runs SET protocol = 'original' WHERE protocol = 'seed';

ALTER TABLE move_thresholds RENAME TO thresholds;

-- A model has one target and one list of classes: they are kept with the model, not with each prediction.
ALTER TABLE models RENAME TO models_of_schema_2;

CREATE TABLE models (
    model_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    target VARCHAR NOT NULL,
    classes VARCHAR[] NOT NULL,
    session VARCHAR,
    uses_counts BOOLEAN NOT NULL,
    train_from_utc TIMESTAMP,
    validation_from_utc TIMESTAMP,
    test_from_utc TIMESTAMP,
    test_until_utc TIMESTAMP,
    card VARCHAR NOT NULL
);

INSERT INTO models BY NAME
SELECT
    m.*,
    -- The first cards did not name the target, which was the direction.
    coalesce(m.card ->> 'target', c.target, 'direction') AS target,
    coalesce((m.card -> 'classes')::VARCHAR[], c.classes, ['down', 'up']) AS classes
FROM models_of_schema_2 m
LEFT JOIN (
    SELECT model_id, any_value(target) AS target, list(DISTINCT class ORDER BY class) AS classes
    FROM class_predictions GROUP BY model_id
) c USING (model_id);

DROP TABLE models_of_schema_2;

ALTER TABLE predictions RENAME TO predictions_of_schema_2;

CREATE TABLE predictions (
    model_id VARCHAR NOT NULL,
    platform VARCHAR NOT NULL,
    tweet_id BIGINT NOT NULL,
    interval_minutes INTEGER,
    class_number USMALLINT NOT NULL,
    probability FLOAT NOT NULL
);

INSERT INTO predictions BY NAME
SELECT
    p.* EXCLUDE (probability_up),
    list_position(m.classes, 'up') AS class_number,
    p.probability_up AS probability
FROM predictions_of_schema_2 p JOIN models m USING (model_id);

-- Of a move the probability of the class move is kept: the other class has the rest.
INSERT INTO predictions BY NAME
SELECT
    c.* EXCLUDE (target, class),
    list_position(m.classes, c.class) AS class_number
FROM class_predictions c JOIN models m USING (model_id)
WHERE c.target = 'label' OR c.class = 'move';

DROP TABLE predictions_of_schema_2;

DROP TABLE class_predictions;

CREATE TABLE known_words (
    model_id VARCHAR NOT NULL,
    script VARCHAR NOT NULL,
    words BIGINT NOT NULL,
    known BIGINT NOT NULL
);
