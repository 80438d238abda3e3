"""encoders: not written yet."""
