-- One row: one moment at which the data of $symbol are cut, and the span of $days trading days before
-- and after it. It is a minute of the regular session whose bar moves the price: $shares of the tweets
-- that entered a window lie before some, one is shortly before the close of the shortest day, and one
-- before each of $boundaries.
WITH entered AS (
    SELECT minute_utc FROM windows
    WHERE symbol = $symbol AND session = 'regular' AND status = 'ok'
        AND interval_minutes = (SELECT min(interval_minutes) FROM windows WHERE symbol = $symbol)
),
tweeted AS (
    SELECT minute_utc FROM entered
    SEMI JOIN (
        SELECT entry_minute(posted_utc) AS minute_utc FROM tweets_of($symbol)
    ) USING (minute_utc)
),
days AS (
    SELECT open_utc, close_utc, row_number() OVER (ORDER BY open_utc) AS place
    FROM sessions WHERE symbol = $symbol AND session = 'regular'
),
wanted AS (
    SELECT unnest(quantile_disc(minute_utc, $shares::DOUBLE[])) AS wanted_utc
    FROM (FROM tweeted UNION ALL (FROM entered WHERE NOT EXISTS (FROM tweeted)))
    UNION
    (
        SELECT close_utc - INTERVAL 10 MINUTES FROM days
        WHERE open_utc >= (SELECT min(minute_utc) FROM entered)
            AND open_utc <= (SELECT max(minute_utc) FROM entered)
        ORDER BY close_utc - open_utc, open_utc DESC
        LIMIT 1
    )
    UNION
    SELECT unnest($boundaries::TIMESTAMP[]) - INTERVAL 10 MINUTES
),
moments AS (
    SELECT DISTINCT min(minute_utc) AS moment_utc
    FROM wanted
    JOIN bars ON minute_utc >= wanted_utc AND minute_utc < wanted_utc + INTERVAL 1 HOUR
    WHERE symbol = $symbol AND close <> open
    GROUP BY wanted_utc
),
placed AS (
    SELECT moment_utc, max(place) AS place FROM moments JOIN days ON open_utc <= moment_utc
    GROUP BY moment_utc
)
SELECT moment_utc, min(open_utc) AS from_utc, max(close_utc) AS until_utc
FROM placed
JOIN days ON days.place BETWEEN placed.place - $days AND placed.place + $days
GROUP BY moment_utc
ORDER BY moment_utc;
