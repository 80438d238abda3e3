"""decomposition: not written yet."""
