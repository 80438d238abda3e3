"""Names as DuckDB keeps them: it takes "a" and "A" for one name, on Snowflake they are two.

A name with small letters, which on Snowflake only quotes can give, is kept with a mark that says which
letters are small. So names are equal here where they are on Snowflake; the mark is taken away from what a
client sees.
"""

import re
from typing import Any

from sqlglot import exp

from warehouse_ml.testing.snowflake.errors import NOT_THERE, EmulationError, NotEmulatedError

MARK = "\u2063"
"""An invisible separator, which stands on both sides of the places of small letters."""

MARKED = f"{MARK}[0-9a-f]+{MARK}"

LISTED = {
    "_FS_TABLES": ("TABLE_NAME",),
    "_FS_VIEWS": ("TABLE_NAME",),
    "_FS_COLUMNS": ("TABLE_NAME", "COLUMN_NAME"),
    "_FS_SHOW_TABLES": ("name",),
    "_FS_SHOW_VIEWS": ("name",),
}
"""fakesnow's views of what there is, and their columns of names."""


def kept(name: str) -> str:
    """A folded name as DuckDB keeps it."""
    if MARK in name:
        raise NotEmulatedError("names with an invisible separator (U+2063)")
    small = sum(1 << place for place, letter in enumerate(name) if "a" <= letter <= "z")
    return f"{name}{MARK}{small:x}{MARK}" if small else name


def shown(text: str) -> str:
    """A text without marks: of names, and of the dates and times in a VARIANT."""
    return re.sub(f"{MARK}[0-9a-z]+{MARK}", "", text)


def keep_names(statement: Any) -> Any:
    """A parsed statement whose names are as DuckDB keeps them."""
    for call in statement.find_all(exp.Anonymous):
        if isinstance(call.this, exp.Identifier) and call.name.isidentifier():
            call.set("this", call.name)  # its case was checked: no two functions differ in it alone
    for name in [*statement.find_all(exp.Identifier)]:
        if not isinstance(name.this, str):
            continue
        folded = name.this if name.quoted else name.this.upper()
        if kept(folded) != folded and is_place(name):
            raise no_place(name, folded)
        name.set("this", kept(folded))
        name.set("quoted", name.quoted or kept(folded) != folded)
    return statement


def is_place(name: Any) -> bool:
    """Whether a name is that of a schema or a database."""
    if name.arg_key in ("db", "catalog") or isinstance(name.parent, exp.Dot):
        return True
    return isinstance(name.parent.parent, exp.Use)


def no_place(name: Any, folded: str) -> EmulationError:
    """The error for a schema or database whose name has small letters: there is none."""
    if isinstance(name.root(), exp.Create) and not name.parent.this:
        return NotEmulatedError("schemas and databases whose names have small letters")
    return EmulationError(
        NOT_THERE,
        f"SQL compilation error: Schema or database '{folded}' does not exist or not authorized.",
        "02000",
    )


def show_names(node: Any) -> Any:
    """Views of fakesnow's of what there is, with names as Snowflake has them."""
    columns = LISTED.get(node.name.upper()) if isinstance(node, exp.Table) else None
    if columns is None or node.db.upper() != "_FS_INFORMATION_SCHEMA":
        return node
    table = node.copy()
    alias = table.args.pop("alias", None) or exp.TableAlias(this=exp.to_identifier(node.name))
    names = ", ".join(f"regexp_replace({column}, '{MARKED}', '', 'g') AS {column}" for column in columns)
    query: Any = exp.maybe_parse(f"SELECT * REPLACE ({names}) FROM listed", dialect="duckdb")
    query.find(exp.Table).replace(table)
    return exp.Subquery(this=query, alias=alias)
