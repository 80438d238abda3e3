"""text: not written yet."""
