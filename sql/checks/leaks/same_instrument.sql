-- One row: one model, and a symbol whose bars move as those of the symbol that it was trained on: one
-- instrument under two names. Bars count that move by a basis point or more, on one day in $one_in.
WITH trained AS (
    SELECT
        name,
        unnest(
            list_concat([json_extract_string(card, '$.symbol')], json_keys(card, '$.symbols'))
        ) AS symbol
    FROM models
),
moved AS (
    SELECT symbol, minute_utc, (close / open - 1) * 10000 AS bps
    FROM bars
    WHERE abs(close / open - 1) >= 0.0001
        AND hash(minute_utc::DATE) % $one_in::UBIGINT = 0
        -- Abnormal returns are known to be made from those of another symbol.
        AND symbol NOT IN (
            SELECT symbol FROM sources WHERE format = 'abnormal' AND symbol IS NOT NULL
        )
),
paired AS (
    SELECT
        a.symbol, b.symbol AS other, count(*) AS minutes,
        avg((abs(a.bps - b.bps) < 0.1)::INTEGER) AS alike
    FROM moved a JOIN moved b ON b.minute_utc = a.minute_utc AND b.symbol <> a.symbol
    WHERE a.symbol IN (SELECT symbol FROM trained)
    GROUP BY ALL
)
SELECT
    name || ' was trained on ' || symbol || ', and ' || other || ' moves as that in '
        || round(100 * alike, 1) || ' % of ' || minutes || ' minutes' AS problem
FROM trained JOIN paired USING (symbol)
WHERE minutes >= 50 AND alike >= 0.9;
