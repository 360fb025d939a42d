-- One row: one prediction of a target of the market whose outcome is one of its two classes, in $session.
-- Without a span ($from_utc and $until_utc null) tweets from before the model's test part, or from before
-- it is known to have seen nothing, are left out; with a span they are included, with their split.
SELECT
    s.model_id, s.model, s.platform, s.tweet_id, s.symbol, s.target, s.interval_minutes, s.session_date, s.posted_utc,
    s.minute_utc, s.exit_utc, s.split, s.probability,
    is_positive(s.target, s.outcome) AS truth,
    -- Null if the price did not change in the minutes before.
    is_positive(
        s.target, outcome_class(s.target, past.past_bps, s.threshold_bps, 0)
    ) AS past,
    s.return_bps, past.past_bps, moved.volatility_bps,
    date_diff('minute', d.open_utc, s.minute_utc) AS minute_of_session,
    date_diff('minute', d.open_utc, d.close_utc) AS session_minutes
FROM scored_any s
JOIN sessions d
    ON d.symbol = s.symbol AND d.session = s.session AND d.session_date = s.session_date
    AND s.minute_utc BETWEEN d.open_utc AND d.close_utc
LEFT JOIN move_before($session) past
    ON past.symbol = s.symbol AND past.interval_minutes = s.interval_minutes
    AND past.minute_utc = s.minute_utc
LEFT JOIN volatility_before($session) moved
    ON moved.symbol = s.symbol AND moved.minute_utc = s.minute_utc
WHERE s.session = $session
    AND s.correct IS NOT NULL
    AND ($from_utc IS NULL OR s.posted_utc >= $from_utc)
    AND ($until_utc IS NULL OR s.posted_utc < $until_utc)
    AND (
        unseen(s.split)
        OR s.split = 'unknown'
        OR $from_utc IS NOT NULL
        OR $until_utc IS NOT NULL
    )
ORDER BY s.model, s.model_id, s.symbol, s.interval_minutes, s.session_date, s.tweet_id;
