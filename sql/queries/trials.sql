-- One row: one model that has looked at a test part, by training or scores, or at a selection of its posts.
-- part: hash of that selection, where evaluate or report was asked for a span, another session or posts far
-- from news, or of the settings, links or derived bars that were changed since. tests: figures that it was
-- measured by, twice for a selection. models_tried: models that have looked at some of the same days of the
-- symbol, this one among them; all_tests: the figures of all their looks, for which evaluate corrects p.
SELECT
    t.symbol, t.test_from_utc, t.test_until_utc, t.name AS model, t.model_id,
    nullif(split_part(t.trial_id, '/', 2), '') AS part, t.tests,
    count(DISTINCT split_part(other.trial_id, '/', 1)) AS models_tried,
    sum(other.tests)::BIGINT AS all_tests
FROM trials t
JOIN trials other
    ON other.symbol = t.symbol
    AND other.test_from_utc < t.test_until_utc AND t.test_from_utc < other.test_until_utc
GROUP BY ALL
ORDER BY ALL;
