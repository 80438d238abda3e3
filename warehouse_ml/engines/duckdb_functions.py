"""The functions of versions as DuckDB holds them: made, looked for, and found in its messages."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import duckdb
from duckdb.func import FunctionNullHandling, PythonUDFType

from warehouse_ml.errors import RegistryError, VersionGoneError
from warehouse_ml.model import version_of_function
from warehouse_ml.signature import TYPES, Method, Signature
from warehouse_ml.variant import Variant

FUNCTION_NAME = re.compile(r"\bwml_\w+_v\d+_[0-9a-f]{8}(?:_proba|_try)?\b", re.IGNORECASE)
"""The names of `ModelVersion.function_of`."""

_MISSING_FUNCTION = re.compile(r"Function with name \"?(\w+)\"? does not exist")

_T = TypeVar("_T")


def is_callable(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether a function is seen from a connection. Only bound: it does not even need to be free."""
    try:
        # Not by a relation, which needs a free connection. The name holds letters, digits and underscores
        # only: see `registry.names`, and the check of the digest in `registry.rows`.
        connection.sql("SELECT " + name + "()")
    except duckdb.BinderException:
        return True
    except duckdb.CatalogException:
        return False
    return True


def create_function(
    name: str,
    function: Callable[..., Any],
    signature: Signature,
    method: Method,
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """Register the scoring function of a method under a name."""
    output = signature.result(method)
    connection.create_function(
        name,
        function,
        [TYPES[feature.type].duckdb for feature in signature.features],
        None if output is None else output.sql_type("duckdb"),
        type=PythonUDFType.ARROW,
        null_handling=FunctionNullHandling.SPECIAL,
    )


def create_variant(
    name: str, function: Callable[..., Any], variant: Variant, connection: duckdb.DuckDBPyConnection
) -> None:
    """Register the function of a variant under a name."""
    connection.create_function(
        name,
        function,
        list(variant.parameters),
        variant.result_type,
        type=PythonUDFType.ARROW,
        null_handling=FunctionNullHandling.SPECIAL,
        side_effects=variant.volatile,
    )


def make_on(
    cursor: duckdb.DuckDBPyConnection, name: str, make: Callable[[duckdb.DuckDBPyConnection], None]
) -> None:
    """Make a function on a cursor, unless another thread was faster.

    Raises:
        RegistryError: Another connection makes the same one in a transaction that is still open.
    """
    try:
        make(cursor)
    except duckdb.CatalogException:
        if not is_callable(cursor, name):
            raise
    except duckdb.TransactionException as error:
        raise RegistryError(
            "Another connection has just made the same function in a transaction that is still open. "
            "Run the statement again when it has ended."
        ) from error


def provided(run: Callable[[], _T], provide: Callable[[str], bool] | None) -> _T:
    """Run, and again after each function that was missing and could be provided."""
    tried: set[str] = set()
    while True:
        try:
            return run()
        except duckdb.CatalogException as error:
            found = _MISSING_FUNCTION.search(str(error))
            name = found[1].lower() if found else ""
            version = version_of_function(name)
            if provide is None or name in tried or version is None:
                raise
            if not provide(name):
                raise VersionGoneError(name, f"{version[0]}@{version[1]}") from None
            tried.add(name)
