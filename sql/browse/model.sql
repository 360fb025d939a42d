-- One row: the model $model_id, with its card.
SELECT model_id, name, target, session, uses_counts, knows_until_utc, card FROM models WHERE model_id = $model_id;
