"""The commands of `wml`. Each opens the database, does one thing by the session, and prints it."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import update_wrapper
from pathlib import Path
from typing import Any, NoReturn

import click
import duckdb
from pyarrow import ArrowException

from warehouse_ml.errors import ParityError, WarehouseMLError
from warehouse_ml.formats import FORMATS, write
from warehouse_ml.session import Session, connect
from warehouse_ml.statements import statement

EXIT_FAILED = 1
"""The exit code of what could not be done; a wrong use of the command line itself exits with 2."""

_READERS = {".csv": "select_csv", ".parquet": "select_parquet"}


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  wml demo
  wml sql -d shop.duckdb "SELECT id, PREDICT('churn', *) AS p FROM customers"
  wml models -d shop.duckdb
""",
)
@click.version_option(package_name="warehouse-ml", prog_name="wml")
def wml() -> None:
    """Score models by SQL, next to the data."""


def command(function: Callable[..., None]) -> click.Command:
    """A command whose errors are one line on stderr and exit code 1."""

    def run(*args: Any, **options: Any) -> None:
        try:
            function(*args, **options)
        except ParityError as error:
            _fail(str(error))  # with the worst rows, a line each
        except (WarehouseMLError, ArrowException) as error:
            _fail(" ".join(str(error).split()))
        except duckdb.Error as error:
            # DuckDB goes on with a picture of the statement.
            _fail(" ".join(str(error).partition("\n\nLINE ")[0].split()))
        except BrokenPipeError:
            raise  # click ends quietly: the reader has seen enough
        except OSError as error:
            reason = error.strerror or str(error)
            _fail(f"{reason}: {error.filename}" if error.filename else reason)
        except UnicodeEncodeError as error:
            _fail(f"Standard output is {error.encoding} and cannot show all: set PYTHONIOENCODING=utf-8.")

    # click folds the lines of a paragraph, unless it starts with a backspace.
    description, mark, examples = inspect.cleandoc(function.__doc__ or "").partition("Example")
    text = description + (f"\b\n{mark}{examples}" if mark else "")
    return wml.command(help=text)(update_wrapper(run, function))


def _fail(sentence: str) -> NoReturn:
    click.echo(f"wml: {sentence}", err=True)
    sys.exit(EXIT_FAILED)


def _database(*, required: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(
        "-d",
        "--database",
        "path",
        envvar="WML_DATABASE",
        show_envvar=True,
        metavar="FILE",
        required=required,
        help="The DuckDB file." if required else "The DuckDB file; by default a database in memory.",
    )


create = click.option("--create", is_flag=True, help="Make the database file if it does not exist.")


@contextmanager
def _session(path: str | None, *, writes: bool = False, create: bool = False) -> Iterator[Session]:
    """A session that is read-only unless it writes: any number of processes can read a file at once."""
    if path is not None and not create and not Path(path).exists():
        _fail(f"There is no database {path!r}.")
    with connect(path, read_only=path is not None and not writes) as session:
        # a table called `models` is one of the database, not a variable of this program
        session.connection.execute(statement("duckdb", "set_no_variables"))
        yield session


@command
@_database(required=False)
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="By default what the output's name ends with, else a table.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False),
    help="Write all rows to this file, or leave it as it is.",
)
@create
@click.argument("text", metavar="STATEMENT")
def sql(path: str | None, form: str | None, output: str | None, create: bool, text: str) -> None:
    """Run SQL in which PREDICT scores; `-` is standard input.

    The file is opened read-only, so that others can read it at the same time, and opened again for
    writing only if DuckDB says that the statement writes. A table shows the first 100 rows; JSON is an
    object a line.

    Examples:
      wml sql -d shop.duckdb "SELECT id, PREDICT('churn', *) AS p FROM customers"
      wml sql -d shop.duckdb -o scores.parquet "SELECT id, PREDICT_PROBA('churn', *) AS p FROM customers"
      wml sql -d shop.duckdb -f json - < query.sql
      wml sql -d shop.duckdb --create "CREATE TABLE customers AS FROM 'customers.csv'"
    """
    form = form or _format_of(output)
    if form == "parquet" and output is None:
        raise click.UsageError("Parquet needs a file: add --output FILE.")
    text = _standard_input() if text == "-" else text
    new = create and path is not None and not Path(path).exists()
    try:
        with _session(path, writes=new, create=create) as session:
            write(session.sql(text), form, output)
    except duckdb.Error as error:
        # Refused when it is bound: nothing was written, to the database or to the output.
        if path is None or "read-only mode" not in str(error):
            raise
        with _session(path, writes=True) as session:
            write(session.sql(text), form, output)


def _format_of(output: str | None) -> str:
    suffix = Path(output).suffix.lstrip(".").lower() if output else ""
    return suffix if suffix in FORMATS else "table"


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _fail(f"Standard input is not UTF-8: {error.reason} at byte {error.start}.")


@command
@_database(required=True)
def models(path: str) -> None:
    """List the models, and which version PREDICT takes.

    Examples:
      wml models -d shop.duckdb
      wml sql -d shop.duckdb -f json "FROM warehouse_ml.versions"
    """
    with _session(path) as session:
        if session.models():
            write(session.sql(statement("duckdb", "select_models")), "table")
        else:
            click.echo("No model is registered here.")


@command
@_database(required=True)
@click.argument("reference")
def describe(path: str, reference: str) -> None:
    """Show a version: features, figures, lineage, its plain function.

    Examples:
      wml describe -d shop.duckdb churn
      wml describe -d shop.duckdb churn@3
    """
    with _session(path) as session:
        click.echo(str(session.describe(reference)))


@command
@_database(required=True)
@create
@click.option(
    "--sample", type=click.Path(exists=True, dir_okay=False), help="CSV or Parquet rows for the parity gate."
)
@click.option(
    "--expected",
    metavar="COLUMN",
    multiple=True,
    help="The sample's column of the scores to expect; once for each column of a matrix of probabilities.",
)
@click.option("--comment", default="", help="Your own words on this version.")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
def register(
    path: str,
    create: bool,
    sample: str | None,
    expected: tuple[str, ...],
    comment: str,
    name: str,
    file: str,
) -> None:
    """Register an ONNX file that was made elsewhere.

    Examples:
      wml register -d shop.duckdb churn churn.onnx
      wml register -d shop.duckdb churn churn.onnx --sample rows.parquet --expected score
    """
    if (sample is None) == bool(expected):
        raise click.UsageError("--sample and --expected go together.")
    with _session(path, writes=True, create=create) as session:
        rows = None if sample is None else _read_rows(session, sample)
        scores = None
        if rows is not None:
            for column in expected:
                if column not in rows.column_names:
                    _fail(f"{sample} has no column {column!r}.")
            scores, rows = rows.select(expected), rows.drop_columns(list(expected))
        version = session.import_onnx(name, file, sample=rows, expected=scores, comment=comment)
        proof = "not proved: no scores were given" if scores is None else "equal to the expected scores"
        click.echo(f"{version.reference} is registered, {proof}.")


def _read_rows(session: Session, file: str) -> Any:
    reader = _READERS.get(Path(file).suffix.lower())
    if reader is None:
        raise click.UsageError(f"The sample {file!r} is neither .csv nor .parquet.")
    return session.sql(statement("duckdb", reader), [file]).arrow()


@command
@_database(required=True)
@click.argument("reference")
def verify(path: str, reference: str) -> None:
    """Score the rows kept at registration again, and compare.

    The exit code is 1 if any score differs.

    Example:
      wml verify -d shop.duckdb churn@3
    """
    with _session(path) as session:
        click.echo(str(session.verify(reference)))


@command
@_database(required=True)
@click.argument("reference")
@click.argument("file", type=click.Path(dir_okay=False))
def export(path: str, reference: str, file: str) -> None:
    """Write a version's ONNX file.

    Example:
      wml export -d shop.duckdb churn@3 churn.onnx
    """
    with _session(path) as session:
        session.export(reference, file)
        click.echo(f"{reference} is written to {file}.")


@command
@_database(required=True)
@click.option("--remove", is_flag=True, help="Remove the alias instead.")
@click.argument("name")
@click.argument("alias_name", metavar="ALIAS")
@click.argument("version", type=int, required=False)
def alias(path: str, remove: bool, name: str, alias_name: str, version: int | None) -> None:
    """Point an alias to a version, or remove it.

    The alias `default` is what PREDICT takes without a selector.

    Examples:
      wml alias -d shop.duckdb churn champion 3
      wml alias -d shop.duckdb churn champion --remove
    """
    if remove == (version is not None):
        raise click.UsageError("Give either a version or --remove.")
    with _session(path, writes=True) as session:
        if version is None:
            session.drop_alias(name, alias_name)
            click.echo(f"{name}@{alias_name} is removed.")
        else:
            session.set_alias(name, alias_name, version)
            click.echo(f"{name}@{alias_name} is version {version}.")


@command
@_database(required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.argument("reference")
def drop(path: str, yes: bool, reference: str) -> None:
    """Drop a version, or a model with all its versions.

    Examples:
      wml drop -d shop.duckdb churn@3
      wml drop -d shop.duckdb churn --yes
    """
    name, mark, number = reference.partition("@")
    if mark and not number.isdecimal():
        raise click.UsageError(f"Name the version to drop by its number: {name}@3.")
    with _session(path, writes=True) as session:
        if not yes:
            click.confirm(f"Drop {reference}? Views that use it will fail", abort=True)
        session.drop_model(name, int(number) if mark else None)
        click.echo(f"{reference} is dropped.")


@command
@click.option("--keep", type=click.Path(dir_okay=False), metavar="FILE", help="Keep the database.")
def demo(keep: str | None) -> None:
    """Train, prove and score on 336,776 real flights.

    Example:
      wml demo --keep flights.duckdb
    """
    from warehouse_ml.demo import demo as run

    run(keep)
