-- One row: one model that has scored, and the words of one script that it has read.
SELECT model_id, name, script, sum(words) AS words, round(sum(known) / sum(words), 4) AS known_share
FROM known_words JOIN models USING (model_id) GROUP BY ALL ORDER BY name, model_id, words DESC, script;
