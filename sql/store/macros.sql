-- Rules that several statements share, each written once. They are kept in the database, so that every
-- client that opens it has them.

-- The look-ahead rule: a post enters at the first whole minute at or after the time it was posted.
CREATE OR REPLACE MACRO entry_minute(posted_utc) AS
    date_trunc('minute', posted_utc + INTERVAL 59999999 MICROSECONDS);

-- A minute of one of the two sessions as one number: tables are joined by it in a quarter of the time.
CREATE OR REPLACE MACRO minute_key(session, minute_utc) AS
    2 * epoch_us(minute_utc) + (session = 'regular')::BIGINT;

-- How much larger the key of a later minute is.
CREATE OR REPLACE MACRO minute_keys(minutes) AS 120000000 * minutes::BIGINT;

-- How far ahead a horizon in sessions is written in a column interval_minutes: 1d is 1000001.
CREATE OR REPLACE MACRO sessions(ahead) AS 1000000 + ahead;

-- The number of sessions of such a horizon; null for one in minutes.
CREATE OR REPLACE MACRO sessions_of(interval_minutes) AS
    CASE WHEN interval_minutes > 1000000 THEN interval_minutes - 1000000 END;

-- A horizon as it is typed with --interval: 30, or 1d.
CREATE OR REPLACE MACRO horizon(interval_minutes) AS
    coalesce(sessions_of(interval_minutes) || 'd', interval_minutes::VARCHAR);

-- Whether windows of an interval can be made of bars of a spacing.
CREATE OR REPLACE MACRO has_windows(interval_minutes, spacing_minutes) AS
    interval_minutes > 1000000 OR spacing_minutes < 1440 AND interval_minutes % spacing_minutes = 0;

-- Whether every whole minute of a session is one at which a post can enter. Otherwise it waits: for the next
-- bar, or for the next session.
CREATE OR REPLACE MACRO enters_at_once(interval_minutes, spacing_minutes) AS
    interval_minutes < 1000000 AND spacing_minutes = 1;

-- Whether a post waits no longer than it may: less than a bar, or until the next session; one from before
-- the bars begin waits for nothing.
CREATE OR REPLACE MACRO in_time(
    posted_utc, minute_utc, interval_minutes, spacing_minutes, bars_from_utc
) AS
    entry_minute(posted_utc) >= bars_from_utc
    AND (interval_minutes > 1000000 OR minute_utc < posted_utc + to_minutes(spacing_minutes));

-- The part of a model's split that a minute of entry lies in, as the parts were cut by the session of
-- that minute. Embargoed days belong to the part before them. A model without a split of its own (null
-- bounds) has seen whatever was posted before a time, where somebody says which.
CREATE OR REPLACE MACRO split_of(
    posted_utc, minute_utc,
    train_from_utc, validation_from_utc, test_from_utc, test_until_utc, knows_until_utc
) AS CASE
    WHEN train_from_utc IS NULL AND posted_utc < knows_until_utc THEN 'train'
    WHEN train_from_utc IS NULL AND posted_utc >= knows_until_utc THEN 'outside'
    WHEN train_from_utc IS NULL THEN 'unknown'
    WHEN minute_utc < train_from_utc THEN 'before'
    WHEN minute_utc < validation_from_utc THEN 'train'
    WHEN minute_utc < test_from_utc THEN 'validation'
    WHEN minute_utc < test_until_utc THEN 'test'
    ELSE 'after'
END;

-- Whether a model has learned nothing from a part of its split, nor from anything later: words, vectors
-- and prices of its training are later than what lies before it.
CREATE OR REPLACE MACRO unseen(split) AS split IN ('test', 'after', 'outside');

-- One row: one minute of a session that can be entered, and the root mean square of the changes of price
-- from bar to bar in the half-hour before, or of the last bar if that is longer, in basis points: known at
-- the entry.
CREATE OR REPLACE MACRO volatility_before(of_session) AS TABLE
SELECT symbol, minute_utc, sqrt(avg(change_bps * change_bps) OVER before) AS volatility_bps
FROM (
    SELECT
        symbol, minute_utc,
        CASE
            WHEN minute_utc - lag(minute_utc) OVER later <= to_minutes(spacing_minutes)
            THEN (entry_price / lag(entry_price) OVER later - 1) * 10000
        END AS change_bps
    FROM windows
    JOIN (
        SELECT symbol, spacing_minutes, interval_minutes
        FROM symbols CROSS JOIN intervals
        WHERE has_windows(interval_minutes, spacing_minutes)
        QUALIFY interval_minutes = min(interval_minutes) OVER (PARTITION BY symbol)
    ) USING (symbol, interval_minutes)
    WHERE session = of_session AND entry_price IS NOT NULL
    WINDOW later AS (PARTITION BY symbol ORDER BY minute_utc)
)
WINDOW before AS (
    PARTITION BY symbol ORDER BY minute_utc RANGE BETWEEN INTERVAL 29 MINUTES PRECEDING AND CURRENT ROW
);

-- One row: one minute of entry and interval, and the return of as many minutes or sessions before, in basis
-- points: known at the entry.
CREATE OR REPLACE MACRO move_before(of_session) AS TABLE
SELECT symbol, interval_minutes, exit_utc AS minute_utc, return_bps AS past_bps
FROM windows WHERE session = of_session AND status = 'ok' AND interval_minutes < 1000000
UNION ALL
SELECT w.symbol, w.interval_minutes, w.minute_utc, past.return_bps
FROM (FROM windows WHERE session = of_session AND interval_minutes > 1000000) w
-- From close to close.
ASOF JOIN (
    FROM windows WHERE session = of_session AND status = 'ok' AND interval_minutes > 1000000
    QUALIFY minute_utc = max(minute_utc) OVER (PARTITION BY symbol, interval_minutes, session_date)
) past
    ON past.symbol = w.symbol AND past.interval_minutes = w.interval_minutes
    AND past.exit_utc <= w.minute_utc;

-- The 97.5 % quantile of Student's t, to five digits; null without a degree of freedom. Beyond ten degrees
-- it is Cornish and Fisher's expansion (Abramowitz and Stegun 1964, 26.7.5).
CREATE OR REPLACE MACRO t_975(degrees) AS CASE
    WHEN degrees BETWEEN 1 AND 10 THEN [
        12.70620474, 4.30265273, 3.182446305, 2.776445105, 2.570581836,
        2.446911851, 2.364624252, 2.306004135, 2.262157163, 2.228138852
    ][degrees]::DOUBLE
    WHEN degrees > 10 THEN
        1.959963985 + 2.37227123 / degrees + 2.822498616 / degrees ** 2
        + 2.55584968 / degrees ** 3 + 1.589534053 / degrees ** 4
END;

-- Of rows summed by day, half the width of the 95 % interval of the mean of all rows: Student's t over days.
-- total is the sum of a day's rows and counted their number. Null for a single day, and if no day differs.
CREATE OR REPLACE MACRO half_width_95(total, counted) AS
    t_975(count(*) FILTER (counted > 0) - 1) * nullif(sqrt(
        count(*) FILTER (counted > 0) / (count(*) FILTER (counted > 0) - 1) * greatest(0.0,
            sum(total * total) - 2 * sum(total) / sum(counted) * sum(total * counted)
            + (sum(total) / sum(counted)) ** 2 * sum(counted * counted)
        )
    ), 0) / sum(counted);

-- The 95 % interval of a share, by such sums: never below 0 or above 1.
-- greatest() and least() pass over a null.
CREATE OR REPLACE MACRO share_low_95(total, counted) AS
    CASE WHEN half_width_95(total, counted) IS NOT NULL
    THEN greatest(0.0, sum(total) / sum(counted) - half_width_95(total, counted)) END;

CREATE OR REPLACE MACRO share_high_95(total, counted) AS
    CASE WHEN half_width_95(total, counted) IS NOT NULL
    THEN least(1.0, sum(total) / sum(counted) + half_width_95(total, counted)) END;

-- One row: one post that meets a symbol: it is linked to it, or there is no rule.
CREATE OR REPLACE MACRO tweets_of(of_symbol) AS TABLE
FROM tweets
WHERE NOT EXISTS (FROM link_rules)
    OR (platform, tweet_id) IN (SELECT platform, tweet_id FROM links WHERE symbol = of_symbol);
