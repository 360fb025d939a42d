-- One row: how many minutes have several bars with different prices, and the largest difference in bps.
-- Reads the candidates of the file that is being stored.
SELECT count(*) AS minutes, max(difference_bps) AS largest_bps
FROM (
    SELECT
        1e4 * greatest(
            max(open) / min(open), max(high) / min(high), max(low) / min(low), max(close) / min(close)
        ) - 1e4 AS difference_bps
    FROM bars JOIN candidates ON bars.rowid = candidates.row
    GROUP BY bars.symbol, bars.minute_utc
)
WHERE difference_bps > 0;
