"""Statements that fakesnow runs: what is refused before, and what its answer lacks."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow
from fakesnow.dialect import parse_one
from fakesnow.rowtype import ColumnInfo, describe_as_rowtype
from fakesnow.statement_type import SELECT, statement_type_id
from sqlglot import exp

from warehouse_ml.testing.snowflake import system
from warehouse_ml.testing.snowflake.answers import Answer
from warehouse_ml.testing.snowflake.column_names import named
from warehouse_ml.testing.snowflake.cursor import Cursor
from warehouse_ml.testing.snowflake.errors import SYNTAX, EmulationError, NotEmulatedError
from warehouse_ml.testing.snowflake.function_names import check_functions
from warehouse_ml.testing.snowflake.identifiers import MARK, shown
from warehouse_ml.testing.snowflake.macros import NANOSECONDS
from warehouse_ml.testing.snowflake.tokens import Reader

if TYPE_CHECKING:
    from warehouse_ml.testing.snowflake.session import Session


def run(session: "Session", sql: str, values: Sequence[Any] | None, *, describe: bool) -> Answer:
    """Have fakesnow run a statement; `describe` asks only for the columns of its result."""
    statement = parse_one(sql)
    check_columns(statement)
    check_sets(statement)
    check_flatten(statement)
    if any(kind in TIMES_OF_A_ZONE for kind in (one.this for one in statement.find_all(exp.DataType))):
        raise NotEmulatedError("TIMESTAMP_TZ, whose offset would be lost")
    check_nanoseconds(statement)
    check_functions(Reader(sql).tokens, statement)
    sql = named(system.in_place(session, sql))
    kind = SELECT if isinstance(statement, exp.Query) else statement_type_id(statement)
    cursor = Cursor(session.connection, session.connection._duck_conn)
    if describe:
        described = cursor._describe_only(sql)
        if described is None:
            raise NotEmulatedError("the description of this statement without running it")
        return Answer(None, rowtype(described), kind)
    cursor.execute(sql, binding_params=values, server=True)
    columns = rowtype(cursor._describe_last_sql())
    every = not isinstance(statement, exp.Query)
    places = [place for place, column in enumerate(columns) if every or column["type"] == "variant"]
    return Answer(without_marks(cursor._arrow_table, places), columns, kind)


def rowtype(described: list[Any]) -> list[ColumnInfo]:
    """The columns of a result, by the names that Snowflake gives them."""
    return describe_as_rowtype([(shown(name), *rest) for name, *rest in described])


def without_marks(table: Any, places: list[int]) -> Any:
    """A result in which some columns' texts are shown: VARIANTs, and names in the answer of SHOW and DDL."""
    for place in places:
        column = table.column(place)
        if pyarrow.types.is_string(column.type) and MARK in "".join(filter(None, column.to_pylist())):
            texts = [None if text is None else shown(text) for text in column.to_pylist()]
            table = table.set_column(place, table.field(place), pyarrow.array(texts, column.type))
    return table


def check_columns(statement: exp.Expr) -> None:
    """Refuse a table or a view of expressions without a name, as Snowflake does."""
    query = statement.expression if isinstance(statement, exp.Create) else None
    if not isinstance(query, exp.Query) or isinstance(statement.this, exp.Schema):
        return
    for column in query.selects:
        if not (isinstance(column, (exp.Alias, exp.Column, exp.Star)) or column.is_star):
            raise EmulationError(2022, "SQL compilation error: Missing column specification", "42601")


TIMES_OF_A_ZONE = (exp.DataType.Type.TIMESTAMPTZ,)
"""Types whose values DuckDB keeps as instants alone."""

FINE_TIME = re.compile(rf"\d+-\d+-\d+.*{NANOSECONDS}")
"""A text of a date and a time with nanoseconds."""


def check_nanoseconds(statement: exp.Expr) -> None:
    """Refuse times that DuckDB would cut to microseconds."""
    for one in statement.find_all(exp.Literal, exp.DateAdd, exp.TimestampFromParts):
        if isinstance(one, exp.Literal):
            fine = one.is_string and FINE_TIME.match(one.this) is not None
        elif isinstance(one, exp.DateAdd):
            fine = one.args.get("unit") is not None and one.args["unit"].name.upper() == "NANOSECOND"
        else:
            nano = one.args.get("nano")
            fine = nano is not None and not (nano.is_int and int(nano.name) % 1000 == 0)
        if fine:
            raise NotEmulatedError("times with nanoseconds")


DEFAULTS = {"OUTER": "FALSE", "RECURSIVE": "FALSE", "MODE": "'BOTH'"}
"""Arguments of FLATTEN, and the only values with which they are emulated."""


def check_flatten(statement: exp.Expr) -> None:
    """Refuse the arguments of FLATTEN that fakesnow would leave out."""
    for one in statement.find_all(exp.Explode):
        for argument in [one.this, *one.expressions]:
            name = argument.name.upper() if isinstance(argument, exp.Kwarg) else "INPUT"
            if name != "INPUT" and argument.expression.sql().upper() != DEFAULTS.get(name):
                raise NotEmulatedError(f"{name} of FLATTEN")


def check_sets(statement: exp.Expr) -> None:
    """Refuse the ALL that only UNION has on Snowflake."""
    for one in statement.find_all(exp.Except, exp.Intersect):
        if one.args.get("distinct") is False:
            raise EmulationError(SYNTAX, f"SQL compilation error: syntax error: {one.key.upper()} ALL")
