"""svm: not written yet."""
