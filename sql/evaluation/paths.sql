-- One row: one trading day, series and minute from entry, with the number of tweets that have a price there,
-- and the sum of the distances of these prices from those at entry, in basis points. A series is a predicted
-- class of $model_id for $interval, or the placebo. Tweets from before its test part are left out.
WITH prices AS (
    SELECT
        w.minute_utc, w.entry_price AS price, d.session_date, d.open_utc,
        w.minute_utc < d.close_utc AS inside,
        split_of(
            w.minute_utc,
            m.train_from_utc, m.validation_from_utc, m.test_from_utc, m.test_until_utc
        ) AS split
    FROM windows w
    -- Where one session opens the minute another closes, the minute belongs to the one that opens.
    ASOF JOIN sessions d
        ON d.symbol = w.symbol AND d.session = w.session AND w.minute_utc >= d.open_utc
    JOIN models m ON m.model_id = $model_id
    WHERE w.symbol = $symbol AND w.session = $session AND w.interval_minutes = $interval
        AND w.entry_price IS NOT NULL
),
events AS (
    SELECT predicted AS series, minute_utc, split, count(*) AS events
    FROM scored_any
    WHERE model_id = $model_id AND session = $session AND symbol = $symbol
        AND interval_minutes = $interval
        AND unseen(split)
    GROUP BY ALL
),
placed AS (
    SELECT e.series, e.events, p.*
    FROM events e JOIN prices p USING (minute_utc, split)
    WHERE p.inside
),
-- The sessions of a split in random order, each paired with the next one: no session is paired with itself.
others AS (
    SELECT
        open_utc, split,
        coalesce(lead(open_utc) OVER shuffled, first_value(open_utc) OVER shuffled) AS other_utc
    FROM (SELECT DISTINCT open_utc, split FROM prices WHERE inside)
    WINDOW shuffled AS (PARTITION BY split ORDER BY md5($seed || open_utc::VARCHAR))
),
moved AS (
    SELECT 'placebo' AS series, p.events, there.*
    FROM placed p
    JOIN others o USING (open_utc, split)
    JOIN prices there
        ON there.open_utc = o.other_utc AND there.split = p.split
        AND there.minute_utc = o.other_utc + (p.minute_utc - p.open_utc)
    WHERE there.inside AND there.session_date <> p.session_date
),
points AS (
    SELECT
        series, events, session_date, open_utc, minute_utc, price AS entry_price,
        unnest(range($first_minute, $last_minute + 1)) AS offset_minutes
    FROM (FROM placed UNION ALL FROM moved)
)
SELECT
    p.series, p.session_date, p.offset_minutes,
    sum(p.events)::BIGINT AS events,
    sum(p.events * (later.price / p.entry_price - 1) * 10000) AS sum_bps
FROM points p
-- Within the same session only, and where it has a price: nothing is filled.
JOIN prices later
    ON later.open_utc = p.open_utc
    AND later.minute_utc = p.minute_utc + to_minutes(p.offset_minutes)
GROUP BY ALL
ORDER BY ALL;
