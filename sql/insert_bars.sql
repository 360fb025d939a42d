-- Inserts the staged bars that won their minute.
INSERT INTO bars BY NAME
SELECT * EXCLUDE (fresh, known), $source_id AS source_id
FROM contended_bars WHERE fresh
ORDER BY symbol, minute_utc;
