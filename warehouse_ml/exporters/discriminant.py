"""discriminant: not written yet."""
