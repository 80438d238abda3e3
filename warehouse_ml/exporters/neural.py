"""neural: not written yet."""
