-- One row: one post of the table posts and symbol that it meets, with what the model $model_id predicts for
-- $interval and what came of it in $session: the view scored_any, and also the posts that the model has not
-- scored, and labels. $scores and $entries stand for other files here: predicted or labelled, whose
-- $predictions_of is the model again, or null (then nothing is predicted, and the largest of all tables is
-- not read), and entered_at_once or entered_later.
WITH spans AS (
    SELECT
        symbol, calendar, spacing_minutes, min(open_utc) AS first_utc, max(close_utc) AS last_utc,
        CASE WHEN EXISTS (FROM link_rules) THEN symbol ELSE '' END AS linked
    FROM sessions JOIN symbols USING (symbol)
    WHERE session = 'extended' AND ($symbol IS NULL OR symbol = $symbol)
    GROUP BY symbol, calendar, spacing_minutes
),
model AS (
    SELECT m.*, h.threshold_bps
    FROM models m LEFT JOIN thresholds h ON h.model_id = m.model_id AND h.interval_minutes = $interval
    WHERE m.model_id = $model_id
),
joined AS NOT MATERIALIZED (
    SELECT
        t.platform, t.tweet_id, t.posted_utc, p.probability, p.class_number,
        s.symbol, s.calendar, s.spacing_minutes, s.first_utc, s.last_utc,
        entry_minute(t.posted_utc) AS first_minute_utc
    FROM posts t
    LEFT JOIN ($scores) p USING (platform, tweet_id)
    LEFT JOIN links l USING (platform, tweet_id)
    LEFT JOIN spans s ON s.linked = coalesce(l.symbol, '')
),
entered AS NOT MATERIALIZED ($entries)
SELECT
    e.platform, e.tweet_id, e.posted_utc, e.symbol, e.probability,
    CASE
        WHEN e.class_number IS NOT NULL THEN m.classes[e.class_number]
        WHEN e.probability IS NOT NULL THEN predicted_class(m.target, e.probability)
    END AS predicted,
    split_of(
        e.posted_utc, e.minute_utc,
        m.train_from_utc, m.validation_from_utc, m.test_from_utc, m.test_until_utc, m.knows_until_utc
    ) AS split,
    CASE
        WHEN e.symbol IS NULL AND rules.has_rules THEN 'no_symbol'
        WHEN (e.first_minute_utc BETWEEN e.first_utc AND e.last_utc) IS NOT TRUE THEN 'no_data'
        WHEN NOT has_windows($interval, e.spacing_minutes) THEN 'no_horizon'
        WHEN $session = 'regular' AND e.calendar = 'unknown' THEN 'no_calendar'
        ELSE coalesce(w.status, 'market_closed')
    END AS status,
    w.return_bps, w.session_date,
    CASE
        WHEN w.status = 'ok'
        THEN outcome_class(m.target, w.return_bps, m.threshold_bps, rules.flat_bps)
    END AS outcome,
    CASE WHEN outcome <> 'flat' THEN outcome = predicted END AS correct
FROM entered e
CROSS JOIN (SELECT flat_bps, EXISTS (FROM link_rules) AS has_rules FROM settings) rules
LEFT JOIN model m ON true
LEFT JOIN (
    FROM windows WHERE session = $session AND interval_minutes = $interval
) w ON w.symbol = e.symbol AND w.minute_utc = e.minute_utc
