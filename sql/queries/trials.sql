-- One row: one model that has looked at a test part, by train, study or score.
-- tests: figures that it was measured by. models_tried: models that have looked at some of the same days of
-- the symbol, this one among them; all_tests: their figures. evaluate corrects every p for all of these.
SELECT
    t.symbol, t.test_from_utc, t.test_until_utc, t.name AS model, t.model_id, t.tests,
    count(*) AS models_tried,
    sum(other.tests)::BIGINT AS all_tests
FROM trials t
JOIN trials other
    ON other.symbol = t.symbol
    AND other.test_from_utc < t.test_until_utc AND t.test_from_utc < other.test_until_utc
GROUP BY ALL
ORDER BY ALL;
