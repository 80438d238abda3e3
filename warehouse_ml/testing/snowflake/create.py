"""Functions and stages: created, dropped."""

from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from warehouse_ml.quoting import quoted
from warehouse_ml.testing.snowflake.answers import Answer, status
from warehouse_ml.testing.snowflake.cursor import Cursor
from warehouse_ml.testing.snowflake.environments import environment
from warehouse_ml.testing.snowflake.errors import EmulationError, NotEmulatedError
from warehouse_ml.testing.snowflake.functions import Function, read_create_function
from warehouse_ml.testing.snowflake.identifiers import kept
from warehouse_ml.testing.snowflake.stages import Name
from warehouse_ml.testing.snowflake.tokens import Reader
from warehouse_ml.testing.snowflake.types import SnowflakeType, read_type

if TYPE_CHECKING:
    from warehouse_ml.testing.snowflake.session import Session

NEEDED = ("RUNTIME_VERSION", "IMPORTS", "PACKAGES", "ARTIFACT_REPOSITORY", "HANDLER")
"""Clauses without which a Python function would depend on an account's defaults."""

SUBQUERIES = ("_FS_OBJECT_CONSTRUCT", "_FS_OBJECT_CONSTRUCT_STAR", "_FS_FLATTEN", "WML_ROW")
"""Macros that hold a subquery, which DuckDB does not take in a lambda."""


def create_function(session: "Session", reader: Reader) -> Answer:
    """CREATE FUNCTION of each of the three kinds."""
    statement = read_create_function(reader, session.current)
    function = statement.function
    session.check_schema(function.name)
    if not function.arguments:
        raise NotEmulatedError("functions without arguments")
    if function.language == "PYTHON":
        check_python(session, function)
        done = session.catalog.create(statement, session.catalog.python(function))
    elif function.language == "SERVICE":
        done = session.catalog.create(statement, session.services.calls(function))
    else:
        done = session.catalog.create(statement, None, native_expression(session, function))
    if statement.replace and not statement.copy_grants:
        forget_grants(session, function.name)
    return status(done)


def forget_grants(session: "Session", name: Name) -> None:
    """Grants go with a function that is dropped, or replaced without COPY GRANTS."""
    gone = ("FUNCTION", ".".join(name))
    session.emulation.grants = [one for one in session.emulation.grants if (one.kind, one.name) != gone]


def check_python(session: "Session", function: Function) -> None:
    """What can be said about a Python function before it is called."""
    absent = [clause for clause in NEEDED if clause not in function.clauses]
    if absent:
        raise NotEmulatedError(f"LANGUAGE PYTHON without {', '.join(absent)}")
    if any(argument.type.kind in ("VARIANT", "ARRAY") for argument in function.arguments):
        raise NotEmulatedError("arguments of VARIANT or ARRAY for Python, whose NULL is an object of its own")
    if "AS" in function.clauses:
        raise NotEmulatedError("handlers within the statement: stage a file, and name it in IMPORTS")
    if function.handler.count(".") != 1:
        raise EmulationError(1003, f"HANDLER = '{function.handler}' is not module.function.")
    names = [place.path.rpartition("/")[2] for place in function.imports]
    if len({*names}) < len(names):
        raise EmulationError(
            1003, f"SQL compilation error: files of IMPORTS have the same name: {', '.join(sorted(names))}."
        )
    for place in function.imports:
        session.stages.content(place)
    environment(function.packages, function.runtime)


def native_expression(session: "Session", function: Function) -> str:
    """The body of a SQL function in DuckDB's dialect, with casts to the types of arguments and result."""
    if not function.body:
        raise EmulationError(
            1003, "SQL compilation error: a SQL function has no body: AS $$ … $$ is missing."
        )
    select = sqlglot.parse_one(f"SELECT {function.body}", read="snowflake")
    if (
        not isinstance(select, exp.Select)
        or select.find(exp.From)
        or select.find(exp.Subquery)
        or len(select.selects) != 1
    ):
        raise NotEmulatedError("SQL functions whose body is more than one expression")
    cursor = Cursor(session.connection, session.connection._duck_conn)
    (body,) = cursor._transform(select, None).copy().expressions  # each node with its own parent
    qualify(session, function, body)
    types = {kept(argument.name): argument.type.duckdb for argument in function.arguments}

    session.catalog.plain.discard(function.name)
    plain = is_plain(session, body)
    if plain:
        session.catalog.plain.add(function.name)
    mentioned = [node.name for node in body.find_all(exp.Column) if not node.table and node.name in types]
    repeated = len(mentioned) > len({*mentioned})
    held = f"of_{function.name[2]}".lower() if repeated else ""

    def typed(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Column) and not node.table and node.name in types:
            if held:
                return exp.column(node.this.copy(), table=held)
            return exp.cast(node.copy(), types[node.name], dialect="duckdb", copy=False)
        return node

    ready = body.unalias().transform(typed)
    shared = take_out_repeated(session, ready) if held and plain else {}
    result = f"CAST({ready.sql(dialect='duckdb')} AS {function.returns.duckdb_result})"
    if not held:
        return result
    if not plain:
        values = ", ".join(
            f"CAST({quoted(name)} AS {kind}) AS {quoted(name)}" for name, kind in types.items()
        )
        return f"(SELECT {result} FROM (SELECT {values}) AS {held})"
    for name, call in shared.items():
        result = f"list_transform([{call}], lambda {name}: {result})[1]"
    values = ", ".join(f"{quoted(name)} := CAST({quoted(name)} AS {kind})" for name, kind in types.items())
    return f"list_transform([struct_pack({values})], lambda {held}: {result})[1]"


def take_out_repeated(session: "Session", body: exp.Expr) -> dict[str, str]:
    """Replace calls of SQL functions that stand in a body several times by names; gives what each stands for.

    DuckDB would plan and compute a call wherever it stands. One that some rows do not come to stays, because
    it may be an error for them.
    """
    calls: dict[str, list[exp.Expr]] = {}
    for dot in body.find_all(exp.Dot):
        if isinstance(dot.expression, exp.Func) and tuple(named(dot)) in session.catalog.plain:
            calls.setdefault(dot.sql(dialect="duckdb"), []).append(dot)
    shared: dict[str, str] = {}
    for text, places in calls.items():
        if len(places) > 1 and any(is_always_computed(place, body) for place in places):
            name = f"repeated_{len(shared)}"
            shared[name] = text
            for place in places:
                place.replace(exp.column(name))
    return shared


def named(dot: exp.Expr) -> list[str]:
    """The parts of a name with dots."""
    return [*named(dot.this), *named(dot.expression)] if isinstance(dot, exp.Dot) else [dot.name]


def is_always_computed(node: exp.Expr, body: exp.Expr) -> bool:
    """Whether every row comes to a part of an expression: it is in no branch, and not behind AND or OR."""
    while node is not body and node.parent is not None:
        parent = node.parent
        chosen = isinstance(parent, (exp.Connector, exp.Coalesce)) and node.arg_key != "this"
        chosen |= isinstance(parent, exp.If) and node.arg_key != "this"
        chosen |= isinstance(parent, exp.Case) and (node.arg_key == "default" or (node.index or 0) > 0)
        if chosen:
            return False
        node = parent
    return True


def is_plain(session: "Session", body: exp.Expr) -> bool:
    """Whether an expression may stand in a lambda: without subqueries, and with functions of SQL alone.

    DuckDB puts an argument of a macro wherever it is mentioned, and would compute it as often, at each level
    of functions that call functions. A lambda computes it once.
    """
    called = {call.name.upper() for call in body.find_all(exp.Anonymous)}
    others = {name[2].upper() for name in session.catalog.functions if name not in session.catalog.plain}
    return called.isdisjoint(others) and called.isdisjoint(SUBQUERIES)


def qualify(session: "Session", function: Function, body: exp.Expr) -> None:
    """Complete the names of functions in a body: they are in the schema of the function, whoever calls it."""
    # inner ones first, for what takes a call's place holds a copy of its arguments
    for call in reversed([*body.find_all(exp.Anonymous)]):
        outer: exp.Expr = call
        if call.name.lower().startswith("_fs_"):
            # what fakesnow writes for a function that DuckDB has not; it is found in its database alone
            place = [exp.to_identifier(part, quoted=True) for part in (function.name[0], "main")]
            outer.replace(exp.Dot.build([*place, call.copy()]))
            continue
        schema = function.name[1]
        if isinstance(call.parent, exp.Dot):
            if isinstance(call.parent.this, exp.Dot):
                continue  # with its database already
            outer, schema = call.parent, call.parent.this.name
        name = (function.name[0], schema, call.name.upper())
        if name in session.catalog.functions:
            parts = [exp.to_identifier(part, quoted=True) for part in name[:2]]
            outer.replace(exp.Dot.build([*parts, exp.Anonymous(this=name[2], expressions=call.expressions)]))


def argument_types(reader: Reader) -> list[SnowflakeType]:
    """Types in parentheses."""
    reader.expect("(")
    found: list[SnowflakeType] = []
    while not reader.accept(")"):
        if found:
            reader.expect(",")
        found.append(read_type(reader))
    return found


def drop_function(session: "Session", reader: Reader) -> Answer:
    """DROP FUNCTION [IF EXISTS] name(types)."""
    reader.expect("DROP", "FUNCTION")
    absence_is_fine = reader.accept("IF", "EXISTS")
    name = session.current.name(reader.path())
    types = argument_types(reader)
    reader.end("DROP FUNCTION")
    done = session.catalog.drop(name, types, absence_is_fine=absence_is_fine)
    forget_grants(session, name)
    return status(done)


def create_stage(session: "Session", reader: Reader) -> Answer:
    """CREATE [OR REPLACE] STAGE [IF NOT EXISTS] name of Snowflake's own storage."""
    reader.expect("CREATE")
    replaces = reader.accept("OR", "REPLACE")
    if reader.token.word in ("TEMP", "TEMPORARY"):  # Snowpark sends one for a pandas frame
        raise NotEmulatedError("temporary stages; a frame becomes a table by Emulation.load")
    reader.expect("STAGE")
    exists_is_fine = reader.accept("IF", "NOT", "EXISTS")
    name = session.current.name(reader.path())
    session.check_schema(name)
    if reader.accept("COMMENT", "="):
        reader.text()
    reader.end("CREATE STAGE")
    new = session.stages.create(name, replace=replaces, exists_is_fine=exists_is_fine)
    if not new:
        return status(f"{name[2]} already exists, statement succeeded.")
    return status(f"Stage area {name[2]} successfully created.")


def drop_stage(session: "Session", reader: Reader) -> Answer:
    """DROP STAGE [IF EXISTS] name."""
    reader.expect("DROP", "STAGE")
    absence_is_fine = reader.accept("IF", "EXISTS")
    name = session.current.name(reader.path())
    reader.end("DROP STAGE")
    if absence_is_fine and name not in session.stages.names:
        return status("Drop statement executed successfully (stage already dropped).")
    session.stages.drop(name)
    return status(f"{name[2]} successfully dropped.")
