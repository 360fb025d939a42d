-- One row: one model, symbol, interval and trading day, buying at predictions of up and selling
-- short at down.
-- Only tweets that the model has not seen count. Nobody could have earned this: there are no
-- costs, no spread and no delay, and windows overlap. Tweets of one minute are one entry, long if
-- their mean probability of up is at least 0.5. minutes: number of entries; long_minutes: number of
-- long ones. mean_bps: mean return of an entry in basis points; long_only_bps: mean return of always
-- buying at the same minutes. The running sums are those up to this day: running_bps of mean_bps,
-- running_long_only_bps of long_only_bps, running_difference_bps of what the model adds to always
-- buying; their errors are standard errors, from how the days so far differ, and null on the first.
-- Without any skill running_bps ends within two of its errors of 0 in about 19 of 20 cases. The means of a
-- single day have no interval.
-- $interval = null: minutes, or null for all
WITH minutes AS (
    SELECT
        model, model_id, symbol, interval_minutes, session_date, minute_utc, return_bps,
        if(avg(probability) >= 0.5, 1, -1) AS side
    FROM scored_days
    WHERE target = 'direction' AND unseen(split)
        AND ($interval IS NULL OR interval_minutes = $interval)
    GROUP BY ALL
),
days AS (
    SELECT
        model, model_id, symbol, interval_minutes, session_date,
        count(*) AS minutes,
        count(*) FILTER (side = 1) AS long_minutes,
        avg(side * return_bps) AS day_bps,
        avg(return_bps) AS long_bps
    FROM minutes
    GROUP BY ALL
)
SELECT
    model, model_id, symbol, interval_minutes, session_date, minutes, long_minutes,
    round(day_bps, 2) AS mean_bps,
    round(long_bps, 2) AS long_only_bps,
    round(sum(day_bps) OVER so_far, 2) AS running_bps,
    round(stddev_samp(day_bps) OVER so_far * sqrt(count(*) OVER so_far), 2) AS running_error_bps,
    round(sum(long_bps) OVER so_far, 2) AS running_long_only_bps,
    round(
        stddev_samp(long_bps) OVER so_far * sqrt(count(*) OVER so_far), 2
    ) AS running_long_only_error_bps,
    round(sum(day_bps - long_bps) OVER so_far, 2) AS running_difference_bps,
    round(
        stddev_samp(day_bps - long_bps) OVER so_far * sqrt(count(*) OVER so_far), 2
    ) AS running_difference_error_bps
FROM days
WINDOW so_far AS (PARTITION BY model_id, symbol, interval_minutes ORDER BY session_date)
ORDER BY ALL;
