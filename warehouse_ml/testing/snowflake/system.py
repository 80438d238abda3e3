"""System functions that are asked for by themselves: `SELECT SYSTEM$…('…')`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from warehouse_ml.testing.snowflake.answers import Answer, answer
from warehouse_ml.testing.snowflake.errors import NotEmulatedError
from warehouse_ml.testing.snowflake.tokens import Reader

if TYPE_CHECKING:
    from warehouse_ml.testing.snowflake.session import Session

SELECT = 0x1000
"""The connector's number of a query."""


def cancel_all_queries(session: "Session", reader: Reader) -> str:
    """SYSTEM$CANCEL_ALL_QUERIES(session): statements run one at a time here, so that none is left."""
    reader.take()
    return "cancelled 0 queries"


SYSTEM_FUNCTIONS: dict[str, Callable[["Session", Reader], str]] = {
    "SYSTEM$CANCEL_ALL_QUERIES": cancel_all_queries,
}


def system_function(session: "Session", reader: Reader) -> Answer:
    """Run one system function."""
    reader.expect("SELECT")
    name = reader.identifier()
    if name not in SYSTEM_FUNCTIONS:
        raise NotEmulatedError(f"the function {name}")
    reader.expect("(")
    text = SYSTEM_FUNCTIONS[name](session, reader)
    reader.expect(")")
    if reader.accept("AS"):
        name = reader.identifier()
    reader.end(f"a query of {name}")
    return answer([name], [[text]], SELECT)
