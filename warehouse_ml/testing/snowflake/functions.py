"""CREATE FUNCTION, clause by clause: what a function is, as a value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from warehouse_ml.testing.snowflake.errors import EmulationError, NotEmulatedError
from warehouse_ml.testing.snowflake.names import Current
from warehouse_ml.testing.snowflake.stages import Name, StagePath
from warehouse_ml.testing.snowflake.tokens import Reader
from warehouse_ml.testing.snowflake.types import SnowflakeType, read_type

REPOSITORY = "SNOWFLAKE.SNOWPARK.PYPI_SHARED_REPOSITORY"


@dataclass(frozen=True, slots=True)
class Argument:
    """A named argument of a function."""

    name: str
    type: SnowflakeType


@dataclass(frozen=True, slots=True)
class Function:
    """A function of any of the three kinds: Python, SQL or service; empty where a clause is not given."""

    name: Name
    arguments: tuple[Argument, ...]
    returns: SnowflakeType
    language: str = "SQL"
    clauses: frozenset[str] = field(default=frozenset())
    secure: bool = False
    volatility: str = "VOLATILE"
    comment: str = ""
    runtime: str = ""
    imports: tuple[StagePath, ...] = ()
    packages: tuple[str, ...] = ()
    repository: str = ""
    handler: str = ""
    body: str = ""
    service: Name = ("", "", "")
    endpoint: str = ""
    max_batch_rows: int = 0
    max_batch_retries: int = 3
    on_batch_failure: str = "ABORT"
    batch_timeout: int = 0

    @property
    def signature(self) -> str:
        """Name and types of arguments, as SHOW FUNCTIONS has them before RETURN."""
        return f"{self.name[2]}({', '.join(argument.type.sql for argument in self.arguments)})"


Clause = Callable[[Function, Reader, Current], Function]


def returns_null(function: Function, reader: Reader, current: Current) -> Function:
    """RETURNS NULL ON NULL INPUT."""
    raise NotEmulatedError("functions that are not called on null input")


def python_imports(function: Function, reader: Reader, current: Current) -> Function:
    """IMPORTS = ('@stage/file', …)."""
    reader.expect("=")
    return replace(function, imports=tuple(current.stage_path(text) for text in reader.texts()))


def resource_constraint(function: Function, reader: Reader, current: Current) -> Function:
    """RESOURCE_CONSTRAINT = (architecture = 'x86'), which this machine is taken to meet."""
    reader.expect("=", "(", "ARCHITECTURE", "=")
    if reader.text() not in ("x86", "x86_64"):
        raise NotEmulatedError("another architecture than x86")
    reader.expect(")")
    return function


def artifact_repository(function: Function, reader: Reader, current: Current) -> Function:
    """ARTIFACT_REPOSITORY = name."""
    reader.expect("=")
    repository = ".".join(reader.path())
    if repository != REPOSITORY:
        raise NotEmulatedError(f"the artifact repository {repository}")
    return replace(function, repository=repository)


def batch_failure(function: Function, reader: Reader, current: Current) -> Function:
    """ON_BATCH_FAILURE = ABORT; a NULL for a failed batch could not be told from a NULL score."""
    reader.expect("=")
    if reader.accept("ABORT"):
        return replace(function, on_batch_failure="ABORT")
    raise NotEmulatedError("ON_BATCH_FAILURE other than ABORT")


def setting(name: str, read: Callable[[Reader], object]) -> Clause:
    """A clause `WORD = value` that fills one field."""

    def clause(function: Function, reader: Reader, current: Current) -> Function:
        reader.expect("=")
        return replace(function, **{name: read(reader)})  # type: ignore[arg-type]

    return clause


def constant(**values: str) -> Clause:
    """A clause of keywords alone."""
    return lambda function, reader, current: replace(function, **values)  # type: ignore[arg-type]


def runtime_version(reader: Reader) -> str:
    """A version in quotes or as a number."""
    return reader.take().source if reader.token.kind == "number" else reader.text()


ANY_FUNCTION: dict[tuple[str, ...], Clause] = {
    ("CALLED", "ON", "NULL", "INPUT"): constant(),
    ("RETURNS", "NULL", "ON", "NULL", "INPUT"): returns_null,
    ("STRICT",): returns_null,
    ("VOLATILE",): constant(volatility="VOLATILE"),
    ("IMMUTABLE",): constant(volatility="IMMUTABLE"),
    ("COMMENT",): setting("comment", Reader.text),
}

CLAUSES: dict[str, dict[tuple[str, ...], Clause]] = {
    "PYTHON": {
        **ANY_FUNCTION,
        ("RUNTIME_VERSION",): setting("runtime", runtime_version),
        ("IMPORTS",): python_imports,
        ("PACKAGES",): setting("packages", Reader.texts),
        ("ARTIFACT_REPOSITORY",): artifact_repository,
        ("RESOURCE_CONSTRAINT",): resource_constraint,
        ("HANDLER",): setting("handler", Reader.text),
    },
    "SQL": {**ANY_FUNCTION},
    "SERVICE": {
        **ANY_FUNCTION,
        ("ENDPOINT",): setting("endpoint", lambda reader: reader.identifier().lower()),
        ("MAX_BATCH_ROWS",): setting("max_batch_rows", Reader.integer),
        ("MAX_BATCH_RETRIES",): setting("max_batch_retries", Reader.integer),
        ("ON_BATCH_FAILURE",): batch_failure,
        ("BATCH_TIMEOUT_SECS",): setting("batch_timeout", Reader.integer),
    },
}


@dataclass(frozen=True, slots=True)
class CreateFunction:
    """A CREATE FUNCTION statement: the function, and what to do where there is one of that name."""

    function: Function
    replace: bool
    exists_is_fine: bool
    copy_grants: bool


def read_arguments(reader: Reader) -> tuple[Argument, ...]:
    """The arguments in parentheses."""
    reader.expect("(")
    found: list[Argument] = []
    while not reader.accept(")"):
        if found:
            reader.expect(",")
        name = reader.identifier()
        found.append(Argument(name, read_type(reader)))
        if reader.sees("DEFAULT"):
            raise NotEmulatedError("arguments with a default")
    return tuple(found)


def read_create_function(reader: Reader, current: Current) -> CreateFunction:
    """Take a CREATE FUNCTION statement apart."""
    reader.expect("CREATE")
    replaces = reader.accept("OR", "REPLACE")
    secure = reader.accept("SECURE")
    if reader.sees("TEMPORARY") or reader.sees("TEMP"):
        raise NotEmulatedError("temporary functions")
    reader.expect("FUNCTION")
    exists_is_fine = reader.accept("IF", "NOT", "EXISTS")
    if replaces and exists_is_fine:
        raise EmulationError(
            1003, "SQL compilation error: OR REPLACE and IF NOT EXISTS cannot stand together."
        )
    name = current.name(reader.path())
    arguments = read_arguments(reader)
    copy_grants = reader.accept("COPY", "GRANTS")
    reader.expect("RETURNS")
    if reader.sees("TABLE"):
        raise NotEmulatedError("table functions")
    function = Function(name, arguments, read_type(reader), secure=secure)
    if reader.accept("NOT", "NULL"):
        raise NotEmulatedError("RETURNS … NOT NULL")
    function, seen = read_clauses(function, ANY_FUNCTION, reader, current, frozenset())
    function = read_language(function, reader, current)
    function, seen = read_clauses(function, CLAUSES[function.language], reader, current, seen)
    if reader.accept("AS"):
        function, seen = replace(function, body=reader.text()), seen | {"AS"}
    reader.end(f"CREATE FUNCTION … {function.language}")
    function = replace(function, clauses=seen)
    return CreateFunction(function, replaces, exists_is_fine, copy_grants)


def read_language(function: Function, reader: Reader, current: Current) -> Function:
    """LANGUAGE PYTHON, LANGUAGE SQL, or SERVICE = name; SQL where none is named."""
    if reader.accept("SERVICE", "="):
        return replace(function, language="SERVICE", service=current.name(reader.path()))
    if not reader.accept("LANGUAGE"):
        return function
    language = reader.identifier()
    if language not in ("PYTHON", "SQL"):
        raise NotEmulatedError(f"LANGUAGE {language}")
    return replace(function, language=language)


def read_clauses(
    function: Function,
    clauses: Mapping[tuple[str, ...], Clause],
    reader: Reader,
    current: Current,
    seen: frozenset[str],
) -> tuple[Function, frozenset[str]]:
    """Clauses in any order, each at most once, up to one that is not among these; and which there were."""
    while words := next((words for words in clauses if reader.accept(*words)), None):
        if words[0] in seen:
            raise EmulationError(1003, f"SQL compilation error: duplicate clause {' '.join(words)}.")
        seen |= {words[0]}
        function = clauses[words](function, reader, current)
    return function, seen
