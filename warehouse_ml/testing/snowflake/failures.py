"""Errors of DuckDB and of fakesnow, with the numbers and the words that Snowflake has for them."""

import re

import duckdb
from snowflake.connector.errors import ProgrammingError

from warehouse_ml.testing.snowflake.errors import BROKEN, INVALID, NOT_EMULATED, NOT_THERE, EmulationError
from warehouse_ml.testing.snowflake.identifiers import shown

NUMBERS: dict[type[Exception], tuple[int, str]] = {
    duckdb.CatalogException: (NOT_THERE, "02000"),
    duckdb.BinderException: (2043, "02000"),
    duckdb.ParserException: (1003, "42000"),
    duckdb.OutOfRangeException: (100039, "22003"),
}
"""Snowflake's numbers and states for errors of DuckDB's that have no sentence of their own below."""

NO_NUMBERS = "SQL compilation error: Invalid argument types for function '%s': ({})"

UNKNOWN = "SQL compilation error: invalid identifier '{}'"
EXISTS = "SQL compilation error: Object '{}' already exists."
TOO_LONG = "String is too long and would be truncated: table {}"

SENTENCES: tuple[tuple[str, int, str, str], ...] = (
    (
        r'Referenced (?:column|table) "(.+?)" not found',
        904,
        "42000",
        "SQL compilation error: invalid identifier '{}'",
    ),
    (
        r'not have a column (?:named|with name) "(.+?)"',
        904,
        "42000",
        "SQL compilation error: invalid identifier '{}'",
    ),
    (
        r"Table with name (\S+) does not exist",
        *(NOT_THERE, "42S02", "SQL compilation error: Object '{}' does not exist or not authorized."),
    ),
    (
        r'with name "?(.+?)"? already exists',
        2002,
        "42710",
        "SQL compilation error: Object '{}' already exists.",
    ),
    (r"NOT NULL constraint failed: (\S+)", 100072, "22000", "NULL result in a non-nullable column: {}"),
    (
        r"CHECK constraint failed on table (\S+)",
        100078,
        "22000",
        "String is too long and would be truncated: table {}",
    ),
    (r"(The emulation does not emulate .+?\.)(?:$|\n)", NOT_EMULATED, "0A000", "{}"),
    (r"(cannot affect the same target row)", 100090, "42P18", "Duplicate row detected during DML action"),
    (
        r"(More than one row returned by a subquery)",
        *(90150, "22000", "Single-row subquery returns more than one row."),
    ),
    (
        r"(Conflict on (?:update|tuple deletion))",
        *(625, "57014", "Statement has aborted: another transaction has changed the same rows."),
    ),
    (r"(Division by zero)", 100051, "22012", "{}"),
    (r"argument types '\+\((BOOLEAN|DATE)\)'", INVALID, "42P13", NO_NUMBERS % "SUM"),
    (r"argument types 'add\((BOOLEAN|DATE)\)'", INVALID, "42P13", NO_NUMBERS % "AVG"),
    (r"argument types '\+\((\w+)\)'", NOT_EMULATED, "0A000", "The emulation does not emulate SUM of {}."),
    (r"argument types 'add\((\w+)\)'", NOT_EMULATED, "0A000", "The emulation does not emulate AVG of {}."),
)
"""What DuckDB says, and Snowflake's number, state and sentence, in which the named object stands."""


def failed(error: Exception) -> EmulationError:
    """The error of a statement as Snowflake would have it, as far as that is known."""
    text = shown(error.raw_msg or "") if isinstance(error, ProgrammingError) else shown(str(error))
    for pattern, number, state, sentence in SENTENCES:
        found = re.search(pattern, text)
        if found:
            return EmulationError(number, sentence.format(found[1]), state)
    if isinstance(error, ProgrammingError):
        return EmulationError(error.errno or BROKEN, text, error.sqlstate or "42000")
    number, state = NUMBERS.get(type(error), (BROKEN, "42000"))
    return EmulationError(number, f"{type(error).__name__}: {text}", state)
