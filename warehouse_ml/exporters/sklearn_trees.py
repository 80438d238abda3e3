"""sklearn_trees: not written yet."""
