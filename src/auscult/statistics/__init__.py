"""Statistics shared by analyses: folds, moments and confidence intervals."""
