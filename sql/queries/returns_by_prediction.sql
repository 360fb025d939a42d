-- One row: one model, symbol, interval and predicted direction, with the mean return that followed.
-- Only tweets from the model's test part on count; windows without a price
-- change are included. minutes: number of different minutes of entry, as tweets of one minute share
-- its return. mean_bps: mean over trading days of the mean return of a day, in basis points;
-- standard_error_bps: its standard error over days, null for a single day. Windows of one day
-- overlap and are not independent. Costs are not taken off.
-- $interval = null: minutes, or null for all
WITH minutes AS (
    SELECT DISTINCT model, model_id, symbol, interval_minutes, predicted, minute_utc, return_bps
    FROM scored
    WHERE status = 'ok' AND unseen(split)
        AND ($interval IS NULL OR interval_minutes = $interval)
),
days AS (
    SELECT
        m.model, m.model_id, m.symbol, m.interval_minutes, m.predicted, d.session_date,
        count(*) AS minutes, avg(m.return_bps) AS mean_bps
    FROM minutes m
    JOIN sessions d
        ON d.symbol = m.symbol AND d.session = 'regular'
        AND m.minute_utc >= d.open_utc AND m.minute_utc < d.close_utc
    GROUP BY ALL
)
SELECT
    model, model_id, symbol, interval_minutes, predicted,
    sum(minutes)::BIGINT AS minutes,
    count(*) AS days,
    round(avg(mean_bps), 2) AS mean_bps,
    round(stddev_samp(mean_bps) / sqrt(count(*)), 2) AS standard_error_bps
FROM days
GROUP BY ALL
ORDER BY ALL;
