"""What predictions are worth: figures, the event study, telling words, and verdicts in words."""

EFFECT_AUC = 0.55  # what a test part must be able to show before it may say "no signal"
