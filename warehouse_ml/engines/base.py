"""What an engine does: the blanks that every back end fills, in this order."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from warehouse_ml.engines.meter import Reading
from warehouse_ml.errors import RegistryError, WarehouseMLError
from warehouse_ml.model import ModelVersion
from warehouse_ml.signature import Method, Signature
from warehouse_ml.variant import Variant

Parameters = Sequence[object] | Mapping[str, object] | None
"""Values of a statement's parameters: by position, or by name."""


class ConflictError(RegistryError):
    """Another writer was faster; the transaction can be run again."""


class RegistryMissingError(RegistryError):
    """The database holds no registry yet."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """The variables of a caller, in which an engine may look for tables: `FROM df`."""

    globals: dict[str, Any]
    locals: Mapping[str, Any]

    @classmethod
    def of_caller(cls, depth: int = 2) -> "Namespace":
        """The variables of a frame; by default of the one that called the caller of this method."""
        frame = sys._getframe(depth)
        return cls(frame.f_globals, dict(frame.f_locals))


Part = Literal["onnx", "plan", "facts", "proof"]
"""What the registry holds of a version in bytes: its file, its plan, what the plan says of itself, and the
rows that it was proved on."""

Device = Literal["cpu", "cuda"]
"""Where a session scores."""


class Load(Protocol):
    """Reads a part of a version in a transaction, and holds on to nothing but its name and digest."""

    def __call__(self, transaction: "Transaction", part: Part = "onnx") -> bytes:
        """The bytes; of a version without a plan or a proof, none."""
        ...


class Transaction(Protocol):
    """Statements of `sql/<dialect>` that are committed together."""

    def run(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run a statement by its file name.

        Raises:
            RegistryMissingError: There is no registry here.
            ConflictError: Another transaction has changed the same rows.
            ReadOnlyError: The database cannot be written.
        """
        ...

    def stage(self, statement: str, *parameters: object) -> None:
        """Put the bytes among a statement's parameters where they are to lie, before anything is changed.

        A database that holds them itself has nothing to do.
        """
        ...


class Rows(Protocol):
    """The answer to a statement. A SELECT runs at every read; what changes data has run already."""

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        ...

    @property
    def types(self) -> list[str]:
        """The types of the columns, as the engine writes them."""
        ...

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows of one run."""
        ...

    def arrow(self) -> Any:
        """A `pyarrow.Table`."""
        ...

    def batches(self, rows: int) -> Any:
        """A `pyarrow.RecordBatchReader` that computes batches of about `rows` rows as it is read."""
        ...

    def df(self) -> Any:
        """A `pandas.DataFrame`."""
        ...

    def pl(self) -> Any:
        """A `polars.DataFrame`."""
        ...

    def text(self, rows: int | None = None) -> str:
        """The first rows as a table to look at."""
        ...


class Engine(Protocol):
    """A connection to a warehouse."""

    dialect: str

    @property
    def device(self) -> Device:
        """Where functions that are made for one statement may score; a version's own stay on the CPU."""
        ...

    @property
    def bind_error(self) -> tuple[type[Exception], ...]:
        """What the driver raises where words, names or types of a statement do not fit."""
        ...

    @property
    def connection(self) -> Any:
        """The driver's own connection."""
        ...

    @property
    def read_only(self) -> bool:
        """Whether the database refuses to be written."""
        ...

    def cursor(self) -> "Engine":
        """A second connection to the same database, for another thread."""
        ...

    def attached(self) -> "Sequence[Engine]":
        """The other databases of the connection that hold models; they are used through this engine."""
        ...

    def close(self) -> None:
        """Close the connection, unless it is the user's own."""
        ...

    def interrupt(self) -> None:
        """Stop the statement that runs, from another thread; nothing happens where none does.

        It raises StatementInterruptedError where it was started.
        """
        ...

    def progress(self) -> AbstractContextManager[Callable[[], float | None]]:
        """Let another thread ask how much of the statement is done that runs within.

        Yields:
            A function that returns a share from 0 to 1, or None where it is not known.
        """
        ...

    def columns(
        self,
        query: str,
        parameters: Parameters = None,
        *,
        namespace: Namespace | None = None,
        provide: Callable[[str], bool] | None = None,
    ) -> list[tuple[str, str]]:
        """The names and types of a query's columns, without running it.

        The arguments are those of `query`.
        """
        ...

    def query(
        self,
        sql: str,
        parameters: Parameters = None,
        *,
        namespace: Namespace | None = None,
        provide: Callable[[str], bool] | None = None,
    ) -> Rows | None:
        """Run a statement, or prepare a SELECT to be read.

        Args:
            sql: One or more statements; all but the last run now.
            parameters: The values of its parameters.
            namespace: Where tables that the database does not know are looked for.
            provide: Registers the function of a version by its name; False where there is no such version. It
                is called for functions that a view or a macro needs.

        Returns:
            The answer, or None where the text holds no statement.
        """
        ...

    def probe(self, query: str, *, reads: bool) -> list[tuple[Any, ...]]:
        """The rows of a small query that must disturb nothing, asked while a statement is optimized.

        Tables among the caller's variables are not looked for: some can be read only once.

        Args:
            query: The query.
            reads: Whether it evaluates expressions of the user's over rows. An error of theirs would end an
                open transaction, so there it is not run.

        Returns:
            Its rows; none where it is refused or not run.
        """
        ...

    def pure_functions(self) -> frozenset[str]:
        """The builtin functions, in lower case, that give one result for the same arguments in a query."""
        ...

    def transaction(self, *, create: bool = False) -> AbstractContextManager[Transaction]:
        """A transaction on the registry, on a connection of its own.

        Args:
            create: Make the schema first where it is missing.
        """
        ...

    def register_function(self, version: ModelVersion, method: Method, load: Load) -> None:
        """Make a method of a version callable by its name `version.function_of(method)`.

        Nothing happens where it already is. The model is loaded when the function is first called.

        Args:
            version: The version.
            method: One that it has.
            load: Reads the version's parts.
        """
        ...

    def register_variant(self, variant: Variant, loads: Sequence[Load]) -> None:
        """Make a variant callable by its name; nothing happens where it already is.

        Args:
            variant: The function.
            loads: For each member, what reads its version's bytes.

        Raises:
            RegistryError: An open transaction is in the way.
        """
        ...

    def score(
        self,
        model: Mapping[Part, bytes],
        signature: Signature,
        method: Method,
        rows: Any,
        *,
        expression: Callable[[Sequence[str], str], str | None] | None = None,
    ) -> Any:
        """Score rows by a SELECT of the engine, for a model that need not be registered.

        Args:
            model: The ONNX bytes, and the plan where it is to be used.
            signature: Its signature.
            method: One that it has.
            rows: A `pyarrow.Table` whose columns are the features, in order.
            expression: Writes the score as SQL, from that of the features and of the call of the function;
                None leaves the call as it is.

        Returns:
            A `pyarrow.Array` with a result for each row, in order.
        """
        ...

    def referenced_functions(self) -> frozenset[str]:
        """The functions of versions that views, macros and generated columns call, in lower case."""
        ...

    def scored(self) -> Reading:
        """What functions have scored so far, in all threads of the process."""
        ...

    def translate(self, error: Exception) -> WarehouseMLError | None:
        """The error of this package that a driver's error carries, if it carries one."""
        ...
