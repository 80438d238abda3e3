"""covariance: not written yet."""
