-- One row: one model, symbol, interval and status, with the number of predictions.
-- status: ok, or why a prediction has no outcome: the market was closed (market_closed) or closes
-- before the exit (crosses_close), the last price was too old at entry (no_entry) or exit
-- (no_exit), there are no bars at that time (no_data), the calendar is unknown (no_calendar), or no
-- rule links the post to a symbol (no_symbol). share: of the predictions of this model, symbol and
-- interval. symbol: null without bars, and with no_symbol. All parts of the model's data are counted.
SELECT
    model, model_id, symbol, interval_minutes, status,
    count(*) AS predictions,
    round(
        count(*) / sum(count(*)) OVER (PARTITION BY model_id, symbol, interval_minutes), 4
    ) AS share
FROM scored
GROUP BY model, model_id, symbol, interval_minutes, status
ORDER BY model, model_id, symbol, interval_minutes, predictions DESC, status;
