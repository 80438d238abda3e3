"""mixture: not written yet."""
