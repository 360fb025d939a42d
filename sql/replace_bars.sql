-- Deletes the bars that a staged bar replaces.
DELETE FROM bars USING contended_bars c
WHERE c.fresh AND c.known AND bars.symbol = c.symbol AND bars.minute_utc = c.minute_utc;
