-- One row: one bar of $symbol around a post.
SELECT minute_utc, close FROM bars
WHERE symbol = $symbol AND minute_utc BETWEEN $from AND $to ORDER BY minute_utc;
