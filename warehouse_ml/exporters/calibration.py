"""calibration: not written yet."""
