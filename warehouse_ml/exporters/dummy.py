"""dummy: not written yet."""
