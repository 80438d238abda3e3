"""isotonic: not written yet."""
