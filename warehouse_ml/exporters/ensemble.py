"""ensemble: not written yet."""
