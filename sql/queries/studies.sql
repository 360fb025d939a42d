-- One row: one cell of a study, over all its runs.
-- runs: networks of all seeds, and of all options that differ in nothing shown here. accuracy: their mean;
-- deviation: its standard deviation, null for a single run. Under the protocol seed this is the best of all
-- epochs on the test part itself, and no evidence of skill. majority: mean accuracy of always saying what
-- happened more often. test_rows: of the smallest run.
SELECT
    source, protocol, target, interval_minutes, vectors, counts, folds,
    count(*) AS runs,
    min(test_rows) AS test_rows,
    round(avg(best_accuracy), 4) AS accuracy,
    round(stddev_samp(best_accuracy), 4) AS deviation,
    round(avg(majority), 4) AS majority,
    max(finished_utc) AS finished_utc
FROM study_runs
GROUP BY ALL
ORDER BY ALL;
