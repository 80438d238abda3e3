"""imputers: not written yet."""
