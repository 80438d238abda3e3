"""lightgbm: not written yet."""
