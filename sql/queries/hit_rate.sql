-- One row: one model, symbol and interval, on unseen tweets.
-- rows: predictions of up or down for unseen tweets whose price moved; unseen means from the
-- model's test part on. accuracy: share of correct predictions. majority: accuracy
-- of always predicting the more frequent direction of these rows. minutes: number of different
-- minutes of entry. Tweets of one minute share its outcome, and windows overlap, so the rows are
-- worth less than their number suggests: tweetscore evaluate gives an interval and a p-value.
SELECT
    model, model_id, symbol, interval_minutes,
    count(*) AS rows,
    count(DISTINCT minute_utc) AS minutes,
    round(avg(correct::INTEGER), 4) AS accuracy,
    round(greatest(avg((direction = 'up')::INTEGER), avg((direction = 'down')::INTEGER)), 4) AS majority
FROM scored
WHERE correct IS NOT NULL AND unseen(split)
GROUP BY ALL
ORDER BY ALL;
