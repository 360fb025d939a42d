-- One row: one model, symbol, interval and predicted direction, with the mean return that followed.
-- Only tweets that the model has not seen count; windows without a price change are included.
-- predicted: up or down; up less down, the difference on days with both; or any minute: every minute
-- of the same days that can be entered, whatever was posted, which is what the market did. minutes:
-- number of different minutes of entry, as tweets of one minute share its return. mean_bps: mean over
-- trading days of the mean return of a day, in basis points; standard_error_bps: its standard error
-- over days; low_bps and high_bps: its 95 % interval by Student's t; null for a single day. Costs are
-- not taken off.
-- $interval = null: minutes, or null for all
WITH entries AS (
    SELECT DISTINCT
        model, model_id, symbol, interval_minutes, predicted, session_date, minute_utc, return_bps
    FROM scored_days
    WHERE target = 'direction' AND unseen(split)
        AND ($interval IS NULL OR interval_minutes = $interval)
),
days AS (
    SELECT * EXCLUDE (minute_utc, return_bps), count(*) AS minutes, avg(return_bps) AS day_bps
    FROM entries GROUP BY ALL
),
market AS (
    SELECT
        w.symbol, w.interval_minutes, d.session_date,
        count(*) AS minutes, avg(w.return_bps) AS day_bps
    FROM windows w
    JOIN sessions d
        ON d.symbol = w.symbol AND d.session = w.session
        AND w.minute_utc >= d.open_utc AND w.minute_utc < d.close_utc
    WHERE w.session = 'regular' AND w.status = 'ok'
        AND (w.symbol, w.interval_minutes, d.session_date) IN (
            SELECT (symbol, interval_minutes, session_date) FROM days
        )
    GROUP BY ALL
),
compared AS (
    SELECT * FROM days
    UNION ALL BY NAME
    SELECT
        model, model_id, symbol, interval_minutes, session_date, 'up less down' AS predicted,
        up.minutes + down.minutes AS minutes, up.day_bps - down.day_bps AS day_bps
    FROM (FROM days WHERE predicted = 'up') up
    JOIN (FROM days WHERE predicted = 'down') down
        USING (model, model_id, symbol, interval_minutes, session_date)
    UNION ALL BY NAME
    SELECT
        of_model.model, of_model.model_id, market.*, 'any minute' AS predicted
    FROM (
        SELECT DISTINCT model, model_id, symbol, interval_minutes, session_date FROM days
    ) of_model
    JOIN market USING (symbol, interval_minutes, session_date)
)
SELECT
    model, model_id, symbol, interval_minutes, predicted,
    sum(minutes)::BIGINT AS minutes,
    count(*) AS days,
    round(avg(day_bps), 2) AS mean_bps,
    round(stddev_samp(day_bps) / sqrt(count(*)), 2) AS standard_error_bps,
    round(avg(day_bps) - half_width_95(day_bps, 1), 2) AS low_bps,
    round(avg(day_bps) + half_width_95(day_bps, 1), 2) AS high_bps
FROM compared
GROUP BY model, model_id, symbol, interval_minutes, predicted
ORDER BY ALL;
