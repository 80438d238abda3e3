"""SHOW FUNCTIONS, DESCRIBE FUNCTION and COMMENT ON FUNCTION."""

from dataclasses import replace
from typing import TYPE_CHECKING

from warehouse_ml.testing.snowflake.answers import Answer, answer, status
from warehouse_ml.testing.snowflake.create import argument_types
from warehouse_ml.testing.snowflake.functions import Function
from warehouse_ml.testing.snowflake.services import like
from warehouse_ml.testing.snowflake.tokens import Reader

if TYPE_CHECKING:
    from warehouse_ml.testing.snowflake.session import Session

COLUMNS = ["name", "schema_name", "min_num_arguments", "max_num_arguments", "arguments", "description"]
COLUMNS += ["catalog_name", "is_secure", "is_external_function", "language"]


def bare(text: str) -> str:
    """A type without its digits, as SHOW has it."""
    return text.partition("(")[0]


def row(function: Function) -> list[object]:
    """A function as SHOW FUNCTIONS has it."""
    types = ", ".join(bare(argument.type.sql) for argument in function.arguments)
    count = len(function.arguments)
    described = f"{function.name[2]}({types}) RETURN {bare(function.returns.sql)}"
    service = function.language == "SERVICE"
    return [
        *(function.name[2], function.name[1], count, count, described),
        *(function.comment or "user-defined function", function.name[0]),
        *("Y" if function.secure else "N", "Y" if service else "N"),
        "EXTERNAL" if service else function.language,
    ]


def show_functions(session: "Session", reader: Reader) -> Answer:
    """SHOW [USER] FUNCTIONS [LIKE 'pattern'] [IN SCHEMA name]."""
    reader.expect("SHOW")
    reader.accept("USER")
    reader.expect("FUNCTIONS")
    pattern = reader.text() if reader.accept("LIKE") else "%"
    schema = (session.current.database, session.current.schema)
    if reader.accept("IN", "SCHEMA"):
        path = reader.path()
        schema = (path[0], path[1]) if len(path) == 2 else (session.current.database, path[0])
        session.check_schema((str(schema[0]), str(schema[1]), ""))
    reader.end("SHOW FUNCTIONS")
    found = [
        row(function)
        for name, function in sorted(session.catalog.functions.items())
        if name[:2] == schema and like(pattern, name[2])
    ]
    return answer(COLUMNS, found)


def describe_function(session: "Session", reader: Reader) -> Answer:
    """DESCRIBE FUNCTION name(types): a property and a value per row."""
    reader.take()
    reader.expect("FUNCTION")
    name = session.current.name(reader.path())
    function = session.catalog.found(name, argument_types(reader))
    reader.end("DESCRIBE FUNCTION")
    arguments = ", ".join(f"{argument.name} {argument.type.sql}" for argument in function.arguments)
    imports = ", ".join(f"@{'.'.join(place.stage)}/{place.path}" for place in function.imports)
    packages = ", ".join(f"'{package}'" for package in function.packages)
    properties = {
        "signature": f"({arguments})",
        "returns": function.returns.sql,
        "language": function.language,
        "null handling": "CALLED ON NULL INPUT",
        "volatility": function.volatility,
        "body": function.body or None,
        "imports": f"[{imports}]",
        "handler": function.handler or None,
        "runtime_version": function.runtime or None,
        "packages": f"[{packages}]",
    }
    return answer(["property", "value"], [[key, value] for key, value in properties.items()])


def comment(session: "Session", reader: Reader) -> Answer:
    """COMMENT ON FUNCTION name(types) IS 'text'."""
    reader.expect("COMMENT", "ON", "FUNCTION")
    name = session.current.name(reader.path())
    function = session.catalog.found(name, argument_types(reader))
    reader.expect("IS")
    text = reader.text()
    reader.end("COMMENT")
    session.catalog.functions[name] = replace(function, comment=text)
    return status("Statement executed successfully.")
