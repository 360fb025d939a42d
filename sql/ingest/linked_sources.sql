-- Inserts the files whose posts have all been held against the rules.
INSERT INTO linked_sources
SELECT DISTINCT source_id FROM tweets ANTI JOIN linked_sources USING (source_id);
