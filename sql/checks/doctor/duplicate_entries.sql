-- One row: one source, symbol, interval, model, rule, threshold, study run or session that has several rows.
WITH entries AS (
    SELECT 'source ' || source_id AS entry FROM sources
    UNION ALL
    SELECT 'symbol ' || symbol FROM symbols
    UNION ALL
    SELECT 'interval ' || interval_minutes FROM intervals
    UNION ALL
    SELECT 'model ' || model_id FROM models
    UNION ALL
    SELECT 'rule ' || rule FROM link_rules
    UNION ALL
    SELECT 'threshold of ' || model_id || ' at ' || interval_minutes || ' minutes' FROM thresholds
    UNION ALL
    SELECT 'study run ' || fingerprint FROM study_runs
    UNION ALL
    SELECT session || ' session of ' || symbol || ' at ' || open_utc FROM sessions
)
SELECT entry || ' is there ' || count(*) || ' times' AS problem
FROM entries
GROUP BY entry
HAVING count(*) > 1;
