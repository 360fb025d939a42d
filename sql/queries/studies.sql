-- One row: one network of a study, over all its runs.
-- runs: trainings with any seed, and with any options that are not shown here. accuracy: their
-- mean; deviation: its standard deviation over runs, null for a single one, which is no interval of
-- the truth: all runs share their test rows. Under the protocol original,
-- accuracy is the best of all epochs on the test part itself, which is no evidence of skill.
-- majority: mean accuracy of always predicting the more frequent class. test_rows: of the smallest
-- run.
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
