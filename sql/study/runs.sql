-- One row: one network of a study, those of a study by seed and cell, of one cell the latest last.
SELECT * EXCLUDE (finished_utc)
FROM study_runs
ORDER BY
    source, protocol, target, folds, seed, interval_minutes, vectors DESC, counts DESC,
    finished_utc, fingerprint;
