"""functions: not written yet."""
