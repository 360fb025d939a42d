-- One row: one model, symbol, interval and trading day, buying at predictions of up and selling
-- short at down.
-- Only tweets from the model's test part on count. Nobody could have earned
-- this: there are no costs, no spread and no delay, and windows overlap. Tweets of one minute are
-- one entry, long if their mean probability of up is at least 0.5. minutes: number of entries;
-- long_minutes: number of long ones. mean_bps: mean return of an entry in basis points;
-- long_only_bps: mean return of buying at the same minutes; running_bps: sum of mean_bps up to this
-- day.
-- $interval = null: minutes, or null for all
WITH minutes AS (
    SELECT
        model, model_id, symbol, interval_minutes, minute_utc, return_bps,
        if(avg(probability_up) >= 0.5, 1, -1) AS side
    FROM scored
    WHERE status = 'ok' AND unseen(split)
        AND ($interval IS NULL OR interval_minutes = $interval)
    GROUP BY ALL
),
days AS (
    SELECT
        m.model, m.model_id, m.symbol, m.interval_minutes, d.session_date,
        count(*) AS minutes,
        count(*) FILTER (m.side = 1) AS long_minutes,
        avg(m.side * m.return_bps) AS mean_bps,
        avg(m.return_bps) AS long_only_bps
    FROM minutes m
    JOIN sessions d
        ON d.symbol = m.symbol AND d.session = 'regular'
        AND m.minute_utc >= d.open_utc AND m.minute_utc < d.close_utc
    GROUP BY ALL
)
SELECT
    model, model_id, symbol, interval_minutes, session_date, minutes, long_minutes,
    round(mean_bps, 2) AS mean_bps,
    round(long_only_bps, 2) AS long_only_bps,
    round(sum(mean_bps) OVER (
        PARTITION BY model_id, symbol, interval_minutes ORDER BY session_date
    ), 2) AS running_bps
FROM days
ORDER BY ALL;
