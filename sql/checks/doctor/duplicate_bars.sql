-- One row: one minute of a symbol with more than one bar, of the minutes in part $part of $parts.
SELECT symbol || ' at ' || minute_utc || ' is there ' || count(*) || ' times' AS problem
FROM bars
WHERE hash(minute_utc) % $parts::UBIGINT = $part::UBIGINT
GROUP BY symbol, minute_utc
HAVING count(*) > 1;
