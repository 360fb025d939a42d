-- The views that users query; made again whenever the schema changes. A column that has the name of
-- a table's column means the same. The others:
--   model: the name of the model that predicts
--   model_id: its hash
--   interval_minutes: from entry to exit
--   split: where the tweet stands to what the model learned from: train, validation or test; outside
--     these, or unknown
--   predicted: up or down, move or still, by the likelier one
--   minute_utc: of entry, the first whole minute at or after the tweet
--   direction: up, down or flat, as the price went; null without a window
--   outcome: up, down, flat, move or still, as the price went; null without a window
--   session: whose windows it is held against, regular or extended
--   status: ok, or why there is no window: no_entry, no_exit, crosses_close, market_closed, no_data
--   correct: whether it came as predicted; null when flat or without a window
--   probability: of the positive class, up or move; of the likeliest class for labels
--   probability_up: that the price is higher at the exit than at the entry
--   probability_move: that the absolute return is above the threshold
--   threshold_bps: what makes a move large; null for direction
--   class: the likeliest of the user's own labels

-- One row: one prediction of direction or move, symbol and session; without bars one row with a null
-- symbol. The views below show its parts.
CREATE OR REPLACE VIEW scored_any AS
WITH spans AS (
    SELECT symbol, min(open_utc) AS first_utc, max(close_utc) AS last_utc
    FROM sessions WHERE session = 'extended' GROUP BY symbol
),
both_targets AS (
    SELECT
        model_id, platform, tweet_id, 'direction' AS target, interval_minutes,
        probability_up AS probability, NULL::DOUBLE AS threshold_bps
    FROM predictions
    UNION ALL
    SELECT
        c.model_id, c.platform, c.tweet_id, c.target, c.interval_minutes,
        c.probability, h.threshold_bps
    FROM class_predictions c
    JOIN move_thresholds h USING (model_id, interval_minutes)
    WHERE c.target = 'move' AND c.class = 'move'
),
joined AS (
    SELECT
        t.platform, t.tweet_id, t.author, t.posted_utc, t.text,
        m.name AS model, p.model_id,
        -- A tweet enters at the first whole minute at or after it was posted.
        date_trunc('minute', t.posted_utc + INTERVAL 59999999 MICROSECONDS) AS minute_utc,
        -- By the minute of entry, as the parts were cut by the session that it lies in.
        CASE
            WHEN m.train_from_utc IS NULL THEN 'unknown'
            WHEN minute_utc < m.train_from_utc OR minute_utc >= m.test_until_utc THEN 'outside'
            WHEN minute_utc < m.validation_from_utc THEN 'train'
            WHEN minute_utc < m.test_from_utc THEN 'validation'
            ELSE 'test'
        END AS split,
        spans.symbol, spans.first_utc, spans.last_utc, kinds.session,
        p.target, p.interval_minutes, p.probability, p.threshold_bps,
        CASE
            WHEN p.target = 'direction' THEN if(p.probability >= 0.5, 'up', 'down')
            ELSE if(p.probability >= 0.5, 'move', 'still')
        END AS predicted
    FROM both_targets p
    JOIN models m USING (model_id)
    JOIN tweets t USING (platform, tweet_id)
    CROSS JOIN (VALUES ('regular'), ('extended')) AS kinds(session)
    LEFT JOIN spans ON true
)
SELECT
    j.platform, j.tweet_id, j.author, j.posted_utc, j.text, j.model, j.model_id, j.split,
    j.symbol, j.session, j.target, j.interval_minutes, j.probability, j.threshold_bps,
    j.predicted, j.minute_utc,
    w.entry_price, w.exit_price, w.return_bps,
    CASE
        WHEN w.status IS DISTINCT FROM 'ok' THEN NULL
        WHEN j.target = 'move' THEN if(abs(w.return_bps) > j.threshold_bps, 'move', 'still')
        WHEN abs(w.return_bps) <= settings.flat_bps THEN 'flat'
        WHEN w.exit_price > w.entry_price THEN 'up'
        ELSE 'down'
    END AS outcome,
    CASE
        WHEN j.minute_utc BETWEEN j.first_utc AND j.last_utc
        THEN coalesce(w.status, 'market_closed')
        ELSE 'no_data'
    END AS status,
    CASE WHEN outcome <> 'flat' THEN outcome = j.predicted END AS correct
FROM joined j
CROSS JOIN settings
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

-- One row: one prediction and symbol, held against the regular session. The view to query first.
CREATE OR REPLACE VIEW scored AS
SELECT * EXCLUDE (session) FROM scored_all WHERE session = 'regular';

-- One row: one prediction and symbol, held against all hours in which the symbol has bars.
CREATE OR REPLACE VIEW scored_extended AS
SELECT * EXCLUDE (session) FROM scored_all WHERE session = 'extended';

-- One row: one prediction of whether the move is large, and symbol, held against the regular session.
CREATE OR REPLACE VIEW scored_moves AS
SELECT
    platform, tweet_id, author, posted_utc, text, model, model_id, split, symbol,
    interval_minutes, probability AS probability_move, threshold_bps, predicted, minute_utc,
    entry_price, exit_price, return_bps, outcome, status, correct
FROM scored_any WHERE target = 'move' AND session = 'regular';

-- One row: one post and model of the user's own labels, with its likeliest class.
CREATE OR REPLACE VIEW scored_labels AS
SELECT
    t.platform, t.tweet_id, t.author, t.posted_utc, t.text, m.name AS model, c.model_id,
    arg_max(c.class, c.probability) AS class, max(c.probability) AS probability
FROM class_predictions c
JOIN models m USING (model_id)
JOIN tweets t USING (platform, tweet_id)
WHERE c.target = 'label'
GROUP BY ALL;
