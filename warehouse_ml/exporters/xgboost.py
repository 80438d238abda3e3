"""xgboost: not written yet."""
