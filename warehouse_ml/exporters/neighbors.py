"""neighbors: not written yet."""
