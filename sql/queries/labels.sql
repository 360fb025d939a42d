-- One row: one model of your own labels and class, with the posts that it gave this class.
-- A post counts for its likeliest class. share: of the model's posts. mean_probability: of that
-- class, over these posts. How often the labels are right is measured by tweetscore evaluate
-- --labelled.
SELECT
    model, model_id, class,
    count(*) AS posts,
    round(count(*) / sum(count(*)) OVER (PARTITION BY model_id), 4) AS share,
    round(avg(probability), 4) AS mean_probability
FROM scored_labels
GROUP BY model, model_id, class
ORDER BY ALL;
