"""From texts to probabilities: bundles, the predictors in them, and where scores go."""
