"""selection: not written yet."""
