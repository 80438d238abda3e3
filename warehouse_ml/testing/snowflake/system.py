"""System functions that are asked for by themselves: `SELECT SYSTEM$…('…')`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from warehouse_ml.testing.snowflake.answers import Answer, answer
from warehouse_ml.testing.snowflake.errors import NotEmulatedError
from warehouse_ml.testing.snowflake.service_statements import service_status
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
    "SYSTEM$GET_SERVICE_STATUS": service_status,
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


PACKAGES = "_FS_GLOBAL.MAIN.EMULATED_PACKAGES"
"""The table behind INFORMATION_SCHEMA.PACKAGES."""

PACKAGE_COLUMNS = ("PACKAGE_NAME", "VERSION", "LANGUAGE", "RUNTIME_VERSION")


def in_place(session: "Session", sql: str) -> str:
    """A statement in which what fakesnow lacks is replaced: the packages and CURRENT_TRANSACTION()."""
    found = Reader(sql).tokens
    changes: list[tuple[int, int, str]] = []
    for place, token in enumerate(found):
        ahead = [one.word for one in found[place : place + 3]]
        if ahead == ["INFORMATION_SCHEMA", ".", "PACKAGES"]:
            start = found[place - 2].start if found[place - 1].word == "." else token.start
            changes.append((start, found[place + 2].start + len("PACKAGES"), PACKAGES))
        if ahead == ["CURRENT_TRANSACTION", "(", ")"]:
            shown = f"'{session.transaction}'" if session.transaction else "NULL"
            changes.append((token.start, found[place + 2].start + 1, shown))
    for start, end, text in reversed(changes):
        sql = sql[:start] + text + sql[end:]
    return sql
