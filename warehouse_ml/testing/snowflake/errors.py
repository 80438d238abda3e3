"""The errors of the emulation, as the connector hands them on: a number, a SQL state and a sentence."""

from snowflake.connector.errors import ProgrammingError

PYTHON_INTERPRETER = 100357
"""Snowflake's number for an error within a Python function."""

PACKAGES = 391546
"""Snowflake's number for packages that cannot be had."""

SYNTAX = 1003
NOT_THERE = 2003
ALREADY_THERE = 2002
INVALID = 1044
SERVICE = 90001
TIME_LIMIT = 604
NOT_EMULATED = 9999
"""The emulation's own number: the statement may well be right, but nothing here would be proved by it."""

BROKEN = 9998
"""The emulation's own number: a fault of the emulation."""


class EmulationError(ProgrammingError):
    """A statement failed, as it would fail on Snowflake."""

    def __init__(self, number: int, message: str, state: str = "42000") -> None:
        super().__init__(msg=message, errno=number, sqlstate=state)


class HandlerError(EmulationError):
    """A Python function failed: its handler, its packages when they are imported, or its interpreter."""

    def __init__(self, what: str) -> None:
        super().__init__(PYTHON_INTERPRETER, f"Python Interpreter Error:\n{what}", "P0000")


class NotEmulatedError(EmulationError):
    """A statement or a clause that the emulation does not understand, and so refuses."""

    def __init__(self, what: str) -> None:
        super().__init__(NOT_EMULATED, f"The emulation does not emulate {what}.", "0A000")


class UnexpectedTokenError(EmulationError):
    """A statement that is not SQL of Snowflake's."""

    def __init__(self, found: str, position: int, expected: str) -> None:
        super().__init__(
            SYNTAX,
            f"SQL compilation error: syntax error at position {position}: unexpected {found}, "
            f"{expected} was expected.",
        )
