"""What predictions are worth: figures, the event study, telling words, and verdicts in words."""
