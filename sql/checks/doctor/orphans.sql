-- One row: one prediction or link without its tweet, or one source, symbol, interval, model, class or rule
-- that rows of a table belong to and that is not there.
WITH of_sources AS (
    SELECT 'tweets' AS held, source_id, count(*) AS n FROM tweets GROUP BY source_id
    UNION ALL
    SELECT 'bars', source_id, count(*) FROM bars GROUP BY source_id
    UNION ALL
    SELECT 'rejects', source_id, count(*) FROM rejects GROUP BY source_id
),
of_symbols AS (
    SELECT 'bars' AS held, symbol, count(*) AS n FROM bars GROUP BY symbol
    UNION ALL
    SELECT 'sessions', symbol, count(*) FROM sessions GROUP BY symbol
    UNION ALL
    SELECT 'windows', symbol, count(*) FROM windows GROUP BY symbol
    UNION ALL
    SELECT 'link_rules', symbol, count(*) FROM link_rules GROUP BY symbol
    UNION ALL
    SELECT 'links', symbol, count(*) FROM links GROUP BY symbol
),
of_rules AS (
    SELECT symbol, rule, count(*) AS n
    FROM (SELECT symbol, unnest(rules) AS rule FROM links) GROUP BY ALL
),
of_models AS (
    SELECT 'predictions' AS held, model_id, count(*) AS n FROM predictions GROUP BY model_id
    UNION ALL
    SELECT 'thresholds', model_id, count(*) FROM thresholds GROUP BY model_id
    UNION ALL
    SELECT 'known_words', model_id, count(*) FROM known_words GROUP BY model_id
),
of_classes AS (
    SELECT model_id, class_number, count(*) AS n FROM predictions GROUP BY ALL
)
SELECT held || ' of source ' || o.source_id || ', which is no source of them: ' || n AS problem
FROM of_sources o
ANTI JOIN sources s ON s.source_id = o.source_id AND o.held IN (s.kind, 'rejects')
UNION ALL
SELECT held || ' of symbol ' || symbol || ', which is not there: ' || n
FROM of_symbols ANTI JOIN symbols USING (symbol)
UNION ALL
SELECT 'windows of ' || interval_minutes || ' minutes, an interval not there: ' || count(*)
FROM windows ANTI JOIN intervals USING (interval_minutes)
GROUP BY interval_minutes
UNION ALL
SELECT held || ' of model ' || model_id || ', which is not there: ' || n
FROM of_models ANTI JOIN models USING (model_id)
UNION ALL
SELECT
    'predictions of class ' || class_number || ' of model ' || model_id || ', which has '
        || len(classes) || ': ' || n
FROM of_classes JOIN models USING (model_id)
WHERE class_number NOT BETWEEN 1 AND len(classes)
UNION ALL
-- Of a target of the market only the positive class is kept.
SELECT
    'predictions of class ' || classes[class_number] || ' of model ' || model_id || ', which has the '
        || 'rest: ' || n
FROM of_classes JOIN models USING (model_id)
WHERE classes[class_number] = negative_class(target)
UNION ALL
SELECT 'prediction for ' || platform || ' ' || tweet_id || ', which is not there'
FROM predictions ANTI JOIN tweets USING (platform, tweet_id)
UNION ALL
SELECT 'links of ' || symbol || ' by rule ' || rule || ', which is no rule of it: ' || n
FROM of_rules ANTI JOIN link_rules USING (symbol, rule)
UNION ALL
SELECT 'link of ' || platform || ' ' || tweet_id || ', which is not there, to ' || symbol
FROM links ANTI JOIN tweets USING (platform, tweet_id);
