"""The functions of an emulation, and how DuckDB calls them.

Each is a macro in its own schema, under its own name, that casts its arguments. So views, CREATE TABLE AS and
every other statement reach it, and a function that was replaced is the one that a view calls.
"""

import inspect
import random
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

import duckdb
import pyarrow
from duckdb.func import FunctionNullHandling, PythonUDFType

from warehouse_ml.quoting import quoted
from warehouse_ml.testing.snowflake.columns import batches, decoded
from warehouse_ml.testing.snowflake.errors import ALREADY_THERE, NOT_THERE, EmulationError, NotEmulatedError
from warehouse_ml.testing.snowflake.functions import CreateFunction, Function
from warehouse_ml.testing.snowflake.identifiers import kept
from warehouse_ml.testing.snowflake.stages import Name
from warehouse_ml.testing.snowflake.types import SnowflakeType
from warehouse_ml.testing.snowflake.worker_process import WorkerStoppedError
from warehouse_ml.testing.snowflake.workers import Workers

Calls = Callable[[list[Any]], Any]
"""Arrow columns in, one Arrow array of as many rows out."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How calls are made: seconds a call may take, what NUMBER(38,0) comes as, and the seed of chance."""

    time_limit: float = 180.0
    wide_numbers: str = "decimal"
    seed: int = 0


class Catalog:
    """Functions by their names; one per name, since none of ours is overloaded."""

    def __init__(self, duck: duckdb.DuckDBPyConnection, workers: Workers, settings: Settings) -> None:
        self.duck = duck
        self.workers = workers
        self.settings = settings
        self.functions: dict[Name, Function] = {}
        self.plain: set[Name] = set()  # those of SQL that may be called in a lambda, see create.is_plain
        self.native: dict[Name, str] = {}
        self.failures: dict[str, EmulationError] = {}
        self.numbers = count(1)

    def create(self, statement: CreateFunction, calls: Calls | None, expression: str = "") -> str:
        """Take a function in, which `calls` runs or `expression` stands for; gives Snowflake's answer."""
        function = statement.function
        known = self.functions.get(function.name)
        other = next((name for name in self.functions if same_but_for_case(name, function.name)), None)
        if other is not None:
            raise NotEmulatedError(
                f"functions whose names differ in case only, {other[2]} and {function.name[2]}"
            )
        if known is not None and known.arguments != function.arguments:
            raise NotEmulatedError(f"two functions named {function.name[2]}, with different arguments")
        if known is not None and statement.exists_is_fine:
            return f"{function.name[2]} already exists, statement succeeded."
        if known is not None and not statement.replace:
            raise EmulationError(
                ALREADY_THERE, f"SQL compilation error: Object '{function.name[2]}' already exists."
            )
        native = "" if calls is None else f"emulated_function_{next(self.numbers)}"
        if calls is not None:
            self.register(native, function, calls)
            expression = called(native, function)
        names = ", ".join(quoted(kept(argument.name)) for argument in function.arguments)
        self.duck.execute(f"CREATE OR REPLACE MACRO {self.path(function.name)}({names}) AS {expression}")
        self.forget(function.name)
        self.functions[function.name] = function
        self.native[function.name] = native
        return f"Function {function.name[2]} successfully created."

    @staticmethod
    def path(name: Name) -> str:
        """A name as DuckDB is given it."""
        return ".".join(quoted(part) for part in name)

    def register(self, native: str, function: Function, calls: Calls) -> None:
        """Give DuckDB a function that hands its columns on."""

        def run(*arrays: Any) -> Any:
            try:
                return calls([whole(array) for array in arrays])
            except EmulationError as error:
                token = uuid.uuid4().hex
                self.failures[token] = error
                raise RuntimeError(token) from error

        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                inspect.Parameter(f"argument_{place}", inspect.Parameter.POSITIONAL_ONLY)
                for place in range(len(function.arguments))
            ]
        )
        result = function.returns.duckdb_result
        self.duck.create_function(
            native,
            run,
            [argument.type.duckdb for argument in function.arguments],
            "VARCHAR" if result == "JSON" else result,
            type=PythonUDFType.ARROW,
            null_handling=FunctionNullHandling.SPECIAL,
            side_effects=function.volatility == "VOLATILE",
        )

    def failure(self, text: str) -> EmulationError | None:
        """The error of a function behind an error of DuckDB's."""
        return next((self.failures.pop(token) for token in [*self.failures] if token in text), None)

    def python(self, function: Function) -> Calls:
        """Calls of a Python function: batches to its worker and back."""
        types = [argument.type for argument in function.arguments]
        chance = random.Random(self.settings.seed)

        def calls(arrays: list[Any]) -> Any:
            parts = batches(types, arrays, chance, self.settings.wide_numbers)
            answers = None
            while answers is None:
                with suppress(WorkerStoppedError):  # another call took its place: start it again
                    answers = self.workers.of(function).call(
                        *(function.name[2], function.handler, function.returns.kind, parts),
                        limit=self.settings.time_limit,
                    )
            return joined(function.returns, [part.rows for part in parts], answers)

        return calls

    def drop(self, name: Name, types: Sequence[SnowflakeType], *, absence_is_fine: bool) -> str:
        """Remove a function, named with the types of its arguments."""
        function = self.functions.get(name)
        if function is None or [argument.type.kind for argument in function.arguments] != [
            type_.kind for type_ in types
        ]:
            if absence_is_fine:
                return "Drop statement executed successfully (function already dropped)."
            raise self.unknown(name, types)
        self.duck.execute(f"DROP MACRO {self.path(name)}")
        self.forget(name)
        return f"{name[2]} successfully dropped."

    def forget(self, name: Name) -> None:
        """Let a function's own part in DuckDB go; its macro is gone or replaced already."""
        self.functions.pop(name, None)
        native = self.native.pop(name, "")
        if native:
            self.duck.remove_function(native)

    @staticmethod
    def unknown(name: Name, types: Sequence[SnowflakeType]) -> EmulationError:
        """The error for a function that is not there."""
        shown = ", ".join(type_.sql for type_ in types)
        return EmulationError(
            NOT_THERE,
            f"SQL compilation error: Function '{'.'.join(name)}({shown})' does not exist or not authorized.",
            "02000",
        )

    def found(self, name: Name, types: Sequence[SnowflakeType]) -> Function:
        """A function by its name and the kinds of its arguments."""
        function = self.functions.get(name)
        if function is None or [a.type.kind for a in function.arguments] != [t.kind for t in types]:
            raise self.unknown(name, types)
        return function

    def close(self) -> None:
        """Take every function out of DuckDB, which must not outlive them."""
        for name in [*self.functions]:
            self.forget(name)


def same_but_for_case(one: Name, other: Name) -> bool:
    """Whether two names are one to DuckDB, and two on Snowflake."""
    return one != other and [part.upper() for part in one] == [part.upper() for part in other]


def called(native: str, function: Function) -> str:
    """The call of a function of DuckDB's, with arguments and result of the declared types."""
    casts = ", ".join(
        f"CAST({quoted(kept(argument.name))} AS {argument.type.duckdb})" for argument in function.arguments
    )
    call = f"{native}({casts})"
    return f"CAST({call} AS JSON)" if function.returns.duckdb_result == "JSON" else call


def whole(array: Any) -> Any:
    """A column as one Arrow array; JSON as its text."""
    if isinstance(array, pyarrow.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pyarrow.ExtensionArray):
        array = array.storage
    return array


def joined(returns: SnowflakeType, rows: Sequence[int], answers: Sequence[Sequence[bytes]]) -> Any:
    """The answers to all batches of a call as one array."""
    arrays = [decoded(returns, size, buffers) for size, buffers in zip(rows, answers, strict=True)]
    return pyarrow.concat_arrays(arrays)
