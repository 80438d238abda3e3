"""naive_bayes: not written yet."""
