"""What has no SQL, and how long SQL may become."""

LARGEST_TEXT = 20_000
"""How many characters an expression may have."""


class NoSqlError(Exception):
    """An expression has no exact form in SQL, or none that is short enough."""
