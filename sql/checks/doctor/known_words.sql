-- One row: one model that has scored, and the words of one script that it has read.
SELECT model_id, name, script, sum(words) AS words, sum(known) AS known
FROM known_words JOIN models USING (model_id) GROUP BY ALL ORDER BY name, model_id, script;
