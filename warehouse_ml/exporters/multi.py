"""multi: not written yet."""
