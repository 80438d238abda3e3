"""Statements that DuckDB runs with a meaning of its own, as only rows or types show: they are refused."""

from typing import Any

import duckdb
from sqlglot import exp

from warehouse_ml.testing.snowflake.errors import NotEmulatedError

KINDS = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL"), "numbers"),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"), "numbers"),
    **dict.fromkeys(("FLOAT", "DOUBLE"), "numbers"),
    **dict.fromkeys(("DATE", "TIMESTAMP"), "times"),
    "VARCHAR": "texts",
    "BOOLEAN": "truth values",
}
"""What DuckDB's types are of; those of one kind have the same common type on Snowflake."""


def check_update(duck: Any, update: Any, values: Any) -> None:
    """Refuse an UPDATE … FROM that joins a row several times: Snowflake takes any one of the joined rows.

    Args:
        duck: The connection to DuckDB.
        update: The statement as DuckDB will have it.
        values: Its bound values; the query below has all of their places, in the same order.
    """
    target = exp.to_identifier(update.this.alias_or_name, quoted=True).sql("duckdb")
    computed = [
        f", {assigned.expression.sql('duckdb')} AS computed{place}"
        for place, assigned in enumerate(update.expressions)
    ]
    where = update.args.get("where")
    several = duck.execute(
        f"SELECT 1 FROM (SELECT {target}.rowid AS joined{''.join(computed)} "
        f"FROM {update.this.sql('duckdb')}, {update.args['from_'].this.sql('duckdb')} "
        f"{where.sql('duckdb') if where else ''}) GROUP BY joined HAVING COUNT(*) > 1 LIMIT 1",
        values,
    ).fetchone()
    if several:
        raise NotEmulatedError("UPDATE … FROM where a row is joined several times: it may take any of them")


def check_sets(duck: Any, statement: Any) -> None:
    """Refuse UNION, EXCEPT and INTERSECT of several kinds: Snowflake makes numbers of all, DuckDB texts.

    A branch that DuckDB cannot describe by itself, such as one of a query within another's row, passes.
    """
    chains = [one for one in statement.find_all(exp.SetOperation) if not is_part(one)]
    if not chains:
        return
    place = duck.execute("SELECT current_database(), current_schema()").fetchone()
    path = ".".join(exp.to_identifier(name, quoted=True).sql("duckdb") for name in place)
    with duck.cursor() as apart:  # an error would end a transaction; tables are committed at once
        apart.execute(f"SET schema = {exp.Literal.string(path).sql('duckdb')}")
        for chain in chains:
            check_kinds(apart, chain)


def is_part(operation: Any) -> bool:
    """Whether a set operation is a branch of another one."""
    around = operation.parent
    while isinstance(around, exp.Subquery):
        around = around.parent
    return isinstance(around, exp.SetOperation)


def check_kinds(duck: Any, chain: Any) -> None:
    """Refuse a chain of set operations in which a column is of several kinds."""
    kinds: dict[int | str, str] = {}
    for branch in branches(chain):
        for place, (name, kind) in enumerate(described(duck, branch)):
            key = name if chain.args.get("by_name") else place
            known = kinds.setdefault(key, kind) if kind else kind
            if known != kind:
                raise NotEmulatedError(f"{chain.key.upper()} of {known} and {kind}: cast {name}")


def branches(query: Any) -> list[Any]:
    """The queries that a chain of set operations puts together."""
    bare = query.unnest()
    if not isinstance(bare, exp.SetOperation):
        return [query]
    return [*branches(bare.this), *branches(bare.expression)]


def described(duck: Any, branch: Any) -> list[tuple[str, str]]:
    """The columns of a query, each with its kind; none where DuckDB does not tell."""
    tables = ", ".join(map(without_values, visible(branch)))
    query = f"SELECT * FROM ({without_values(branch)})"
    try:
        found = duck.execute(f"DESCRIBE {f'WITH {tables} ' if tables else ''}{query}").fetchall()
    except duckdb.Error:
        return []
    return [(name, KINDS.get(kind.partition("(")[0], "")) for name, kind, *_ in found]


def without_values(part: Any) -> str:
    """The text of a part of a statement, with NULL where a value would be bound."""
    nothing = part.transform(lambda node: exp.Null() if isinstance(node, exp.Placeholder) else node)
    return str(nothing.sql("duckdb"))


def visible(branch: Any) -> list[Any]:
    """The tables of WITH that stand around a query and before it."""
    around = [branch]
    while around[-1].parent is not None:
        around.append(around[-1].parent)
    inside = {id(part) for part in around}
    found: list[Any] = []
    for part in reversed(around[1:]):
        tables = part.args.get("with_")
        for table in tables.expressions if tables is not None else []:
            if id(table) in inside:
                break
            found.append(table)
    return found
