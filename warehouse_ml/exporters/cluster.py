"""cluster: not written yet."""
