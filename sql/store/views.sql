-- The views that users query, and what each target means; made again whenever the schema changes. A column
-- with the name of a table's column means the same. The others:
--   model: the name of the model that predicts
--   model_id: its hash
--   interval_minutes: from entry to exit; of sessions so many past 1000000, see the macro sessions
--   split: the part of the model's data that the tweet belongs to: train, validation or test; before
--     or after these. Of a model without a split of its own: train, or outside what it may have seen, or
--     unknown where nobody says what that is
--   predicted: the likelier class: up or down, move or still
--   minute_utc: of entry, the first whole minute at or after the tweet; with bars of several minutes the
--     first at which one begins or ends, and with an interval in sessions in the next session at the latest
--   exit_utc: the minute of exit
--   session_date: the trading day of the entry
--   direction: up, down or flat, as observed; null without a window
--   outcome: up, down, flat, move or still, as observed; null without a window
--   session: the session of the windows compared with, regular or extended
--   status: ok, or why there is no window: no_entry, no_exit, crosses_close, market_closed, no_data,
--     no_horizon where the symbol's bars are too far apart for the interval, no_calendar while the
--     calendar of the symbol is unknown, or no_symbol: there are rules, and none links the tweet
--   correct: whether the outcome is the predicted one; null when flat or without a window
--   probability: of the positive class, up or move; of the likeliest class for labels
--   probability_up: that the price is higher at the exit than at the entry
--   probability_move: that the absolute return is above the threshold
--   threshold_bps: a larger absolute return is a move; null for direction
--   class: one of the model's classes; in scored_labels the likeliest

-- What each target means. A new one of the market is a line in each macro, and its rows are in scored_any.
-- A label of the user's own is no target of the market: it has no positive class and no outcome here.

-- The class that the probability is of.
CREATE OR REPLACE MACRO positive_class(target) AS CASE target
    WHEN 'direction' THEN 'up'
    WHEN 'move' THEN 'move'
END;

-- The class that has the rest of the probability.
CREATE OR REPLACE MACRO negative_class(target) AS CASE target
    WHEN 'direction' THEN 'down'
    WHEN 'move' THEN 'still'
END;

-- The class of a window with a return; flat is neither of the two.
CREATE OR REPLACE MACRO outcome_class(target, return_bps, threshold_bps, flat_bps) AS CASE target
    WHEN 'direction' THEN CASE
        WHEN abs(return_bps) <= flat_bps THEN 'flat'
        WHEN return_bps > 0 THEN 'up'
        WHEN return_bps < 0 THEN 'down'
    END
    WHEN 'move' THEN CASE
        WHEN abs(return_bps) > threshold_bps THEN 'move'
        WHEN abs(return_bps) <= threshold_bps THEN 'still'
    END
END;

CREATE OR REPLACE MACRO predicted_class(target, probability) AS
    if(probability >= 0.5, positive_class(target), negative_class(target));

-- True for the positive class, false for the negative one, null for flat and for no outcome.
CREATE OR REPLACE MACRO is_positive(target, class) AS CASE class
    WHEN positive_class(target) THEN true
    WHEN negative_class(target) THEN false
END;

-- One row: one stored probability of one class, for one tweet, model and interval.
CREATE OR REPLACE VIEW probabilities AS
SELECT
    p.platform, p.tweet_id, c.model, p.model_id, c.target, p.interval_minutes, c.class, p.probability
FROM predictions p
JOIN (
    SELECT
        model_id, name AS model, target,
        unnest(classes) AS class, generate_subscripts(classes, 1) AS class_number
    FROM models
) c USING (model_id, class_number);

-- One row: one prediction of direction, without the market.
CREATE OR REPLACE VIEW probabilities_up AS
SELECT platform, tweet_id, model, model_id, interval_minutes, probability AS probability_up
FROM probabilities WHERE target = 'direction';

-- One row: one stretch of trading without a break. Sessions of which one opens as another closes, as
-- those of a market without nights, are one stretch: windows run through.
CREATE OR REPLACE VIEW stretches AS
WITH marked AS (
    SELECT
        symbol, session, open_utc, close_utc,
        coalesce(
            open_utc > lag(close_utc) OVER (PARTITION BY symbol, session ORDER BY open_utc), true
        )::INTEGER AS starts
    FROM sessions
),
numbered AS (
    SELECT
        *, sum(starts) OVER (PARTITION BY symbol, session ORDER BY open_utc) AS stretch
    FROM marked
)
SELECT symbol, session, min(open_utc) AS open_utc, max(close_utc) AS close_utc
FROM numbered GROUP BY symbol, session, stretch;

-- One row: one prediction of a target of the market, symbol that its post meets and session; without
-- bars, or without a link where there are rules, one row with a null symbol. The views below show its
-- parts.
CREATE OR REPLACE VIEW scored_any AS
WITH spans AS (
    SELECT
        symbol, calendar, spacing_minutes,
        min(open_utc) AS first_utc, max(close_utc) AS last_utc,
        -- What links say of a post that meets it: the symbol, or nothing where there is no rule.
        CASE WHEN EXISTS (FROM link_rules) THEN symbol ELSE '' END AS linked
    FROM sessions LEFT JOIN symbols USING (symbol)
    WHERE session = 'extended' GROUP BY symbol, calendar, spacing_minutes
),
joined AS NOT MATERIALIZED (
    SELECT
        t.platform, t.tweet_id, t.author, t.posted_utc, t.text,
        m.name AS model, p.model_id,
        t.first_minute_utc,
        m.train_from_utc, m.validation_from_utc, m.test_from_utc, m.test_until_utc,
        m.knows_until_utc,
        spans.symbol, spans.calendar, spans.first_utc, spans.last_utc, kinds.session,
        coalesce(spans.spacing_minutes, 1) AS spacing_minutes, l.symbol IS NULL AS unlinked,
        m.target, p.interval_minutes, p.probability, h.threshold_bps,
        predicted_class(m.target, p.probability) AS predicted
    FROM predictions p
    JOIN models m USING (model_id)
    -- Once for each post, which has many predictions.
    JOIN (SELECT *, entry_minute(posted_utc) AS first_minute_utc FROM tweets) t
        USING (platform, tweet_id)
    LEFT JOIN thresholds h
        ON h.model_id = p.model_id AND h.interval_minutes = p.interval_minutes
    CROSS JOIN (VALUES ('regular'), ('extended')) AS kinds(session)
    LEFT JOIN links l ON l.platform = p.platform AND l.tweet_id = p.tweet_id
    LEFT JOIN spans ON spans.linked = coalesce(l.symbol, '')
    WHERE positive_class(m.target) IS NOT NULL
),
-- Where not every minute can be entered, a post waits for the next one that can.
waiting AS (
    SELECT
        j.platform, j.tweet_id, j.model_id, j.symbol, j.session, j.interval_minutes, w.minute_utc
    FROM joined j
    ASOF JOIN windows w
        ON w.symbol = j.symbol AND w.session = j.session
        AND w.interval_minutes = j.interval_minutes AND w.minute_utc >= j.first_minute_utc
    WHERE NOT enters_at_once(j.interval_minutes, j.spacing_minutes)
        AND in_time(
            j.posted_utc, w.minute_utc, j.interval_minutes, j.spacing_minutes, j.first_utc
        )
),
entered AS (
    SELECT j.*, coalesce(w.minute_utc, j.first_minute_utc) AS minute_utc
    FROM joined j
    LEFT JOIN waiting w USING (platform, tweet_id, model_id, symbol, session, interval_minutes)
)
SELECT
    j.platform, j.tweet_id, j.author, j.posted_utc, j.text, j.model, j.model_id,
    split_of(
        j.posted_utc, j.minute_utc,
        j.train_from_utc, j.validation_from_utc, j.test_from_utc, j.test_until_utc, j.knows_until_utc
    ) AS split,
    j.symbol, j.session, j.target, j.interval_minutes, j.probability, j.threshold_bps,
    j.predicted, j.minute_utc,
    w.entry_price, w.exit_price, w.return_bps,
    CASE
        WHEN w.status = 'ok'
        THEN outcome_class(j.target, w.return_bps, j.threshold_bps, rules.flat_bps)
    END AS outcome,
    CASE
        WHEN j.unlinked AND rules.has_rules THEN 'no_symbol'
        WHEN (j.first_minute_utc BETWEEN j.first_utc AND j.last_utc) IS NOT TRUE THEN 'no_data'
        WHEN NOT has_windows(j.interval_minutes, j.spacing_minutes) THEN 'no_horizon'
        WHEN j.session = 'regular' AND j.calendar = 'unknown' THEN 'no_calendar'
        ELSE coalesce(w.status, 'market_closed')
    END AS status,
    CASE WHEN outcome <> 'flat' THEN outcome = j.predicted END AS correct,
    w.exit_utc, w.session_date
FROM entered j
CROSS JOIN (SELECT flat_bps, EXISTS (FROM link_rules) AS has_rules FROM settings) rules
LEFT JOIN windows w
    ON w.symbol = j.symbol AND w.session = j.session
    AND w.minute_utc = j.minute_utc AND w.interval_minutes = j.interval_minutes;

-- One row: one prediction of direction, symbol and session.
CREATE OR REPLACE VIEW scored_all AS
SELECT
    platform, tweet_id, author, posted_utc, text, model, model_id, split, symbol, session,
    interval_minutes, probability AS probability_up, predicted, minute_utc,
    entry_price, exit_price, return_bps, outcome AS direction, status, correct
FROM scored_any WHERE target = 'direction';

-- One row: one prediction of direction and symbol, compared with the regular session. The view to query
-- first.
CREATE OR REPLACE VIEW scored AS
SELECT * EXCLUDE (session) FROM scored_all WHERE session = 'regular';

-- One row: one prediction of direction and symbol, compared with all hours in which the symbol has bars.
CREATE OR REPLACE VIEW scored_extended AS
SELECT * EXCLUDE (session) FROM scored_all WHERE session = 'extended';

-- One row: one prediction of whether the move is large, and symbol, compared with the regular session.
CREATE OR REPLACE VIEW scored_moves AS
SELECT
    platform, tweet_id, author, posted_utc, text, model, model_id, split, symbol,
    interval_minutes, probability AS probability_move, threshold_bps, predicted, minute_utc,
    entry_price, exit_price, return_bps, outcome, status, correct
FROM scored_any WHERE target = 'move' AND session = 'regular';

-- One row: one prediction of a target of the market with a window in the regular session, and the trading
-- day of its entry.
CREATE OR REPLACE VIEW scored_days AS
FROM scored_any WHERE session = 'regular' AND status = 'ok';

-- One row: one post and model of the user's own labels, with its likeliest class.
CREATE OR REPLACE VIEW scored_labels AS
SELECT
    t.platform, t.tweet_id, t.author, t.posted_utc, t.text, p.model, p.model_id,
    arg_max(p.class, p.probability) AS class, max(p.probability) AS probability
FROM probabilities p
JOIN tweets t USING (platform, tweet_id)
WHERE p.target = 'label'
GROUP BY ALL;
