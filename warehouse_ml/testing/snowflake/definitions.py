"""What CREATE, DROP and USE say and leave on Snowflake, where fakesnow says or leaves something else."""

from typing import Any

from sqlglot import exp

from warehouse_ml.testing.snowflake.errors import NotEmulatedError

RELATIONS = ("TABLE", "VIEW")

PUBLIC = "PUBLIC"
"""The schema that a database has from the beginning."""


def unchanged(duck: Any, statement: Any, database: str | None, schema: str | None) -> str | None:
    """What a CREATE IF NOT EXISTS or a DROP IF EXISTS says that finds nothing to do; None where it has to do.

    Args:
        duck: The connection to DuckDB.
        statement: The statement as DuckDB will have it.
        database: The current database.
        schema: The current schema.
    """
    created = statement.args.get("create_db_name")
    if created:
        exists = "IF NOT EXISTS" in statement.expression.name
        return already_there(created) if exists and has_database(duck, created) else None
    if not isinstance(statement, (exp.Create, exp.Drop)) or not statement.args.get("exists"):
        return None
    table = statement.find(exp.Table)
    if table is None:
        return None
    database = table.catalog or database
    if str(statement.args["kind"]).upper() == "SCHEMA":
        name, there = table.db, has_schema(duck, database, table.db)
    elif str(statement.args["kind"]).upper() in RELATIONS:
        name, there = table.name, has_relation(duck, database, table.db or schema, table.name)
    else:
        return None
    if isinstance(statement, exp.Create):
        return already_there(name) if there else None
    return None if there else f"Drop statement executed successfully ({name} already dropped)."


def already_there(name: str) -> str:
    """What a CREATE IF NOT EXISTS says of what is there."""
    return f"{name} already exists, statement succeeded."


def has_database(duck: Any, name: str) -> bool:
    """Whether there is a database."""
    query = "SELECT 1 FROM duckdb_databases() WHERE upper(database_name) = upper(?)"
    return duck.execute(query, [name]).fetchone() is not None


def has_schema(duck: Any, database: str | None, name: str) -> bool:
    """Whether there is a schema."""
    query = (
        "SELECT 1 FROM duckdb_schemas() "
        "WHERE upper(database_name) = upper(?) AND upper(schema_name) = upper(?)"
    )
    return duck.execute(query, [database, name]).fetchone() is not None


def has_relation(duck: Any, database: str | None, schema: str | None, name: str) -> bool:
    """Whether there is a table or a view."""
    query = (
        "SELECT 1 FROM information_schema.tables WHERE upper(table_catalog) = upper(?) "
        "AND upper(table_schema) = upper(?) AND upper(table_name) = upper(?)"
    )
    return duck.execute(query, [database, schema, name]).fetchone() is not None


def make_public(duck: Any, database: str) -> None:
    """Give a new database the schema that every database of Snowflake's has."""
    quoted = exp.to_identifier(database, quoted=True).sql("duckdb")
    duck.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted}.{PUBLIC}")


def use_public(connection: Any, database: str) -> None:
    """Make a database current, and its schema PUBLIC."""
    duck = connection._duck_conn
    if not has_schema(duck, database, PUBLIC):
        raise NotEmulatedError(f"a current database without the schema {PUBLIC}")
    quoted = exp.to_identifier(database, quoted=True).sql("duckdb")
    text = exp.Literal.string(f"{quoted}.{PUBLIC}").sql("duckdb")
    duck.execute(f"SET schema = {text}")
    connection.database, connection._schema = database, PUBLIC
    connection.database_set = connection.schema_set = True
