-- One row: one entry that a prediction of direction makes in $session, whatever became of the price, with
-- what the price did from this minute, and from one and two minutes later, to the same exit. $model is a
-- model's name or id, or null for all; $from_utc and $until_utc may be null. Tweets
-- from before the model's test part are left out.
SELECT
    s.model_id, s.model, s.symbol, s.interval_minutes, s.session_date, s.minute_utc, s.exit_utc,
    s.predicted = positive_class(s.target) AS up,
    s.return_bps,
    -- Null where the exit comes first.
    (s.exit_price / one.entry_price - 1) * 10000 AS late_1_bps,
    (s.exit_price / two.entry_price - 1) * 10000 AS late_2_bps
FROM scored_any s
LEFT JOIN windows one
    ON one.symbol = s.symbol AND one.session = s.session
    AND one.interval_minutes = s.interval_minutes AND s.interval_minutes > 1
    AND one.minute_utc = s.minute_utc + INTERVAL 1 MINUTE
LEFT JOIN windows two
    ON two.symbol = s.symbol AND two.session = s.session
    AND two.interval_minutes = s.interval_minutes AND s.interval_minutes > 2
    AND two.minute_utc = s.minute_utc + INTERVAL 2 MINUTES
WHERE s.target = 'direction' AND s.session = $session AND s.status = 'ok'
    AND ($model IS NULL OR $model IN (s.model, s.model_id))
    AND ($from_utc IS NULL OR s.posted_utc >= $from_utc)
    AND ($until_utc IS NULL OR s.posted_utc < $until_utc)
    AND unseen(s.split)
ORDER BY s.model, s.model_id, s.symbol, s.interval_minutes, s.minute_utc, s.tweet_id;
