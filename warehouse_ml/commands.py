"""The commands of `wml`. Each opens the database, does one thing by the session, and prints it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import update_wrapper
from pathlib import Path
from typing import Any

import click
import duckdb
from rich.console import Console
from rich.table import Table

from warehouse_ml.errors import WarehouseMLError
from warehouse_ml.session import Session, connect

FORMATS = ("table", "csv", "json", "parquet")

EXIT_FAILED = 1
"""The exit code of what could not be done; a wrong use of the command line itself exits with 2."""

database = click.option(
    "-d",
    "--database",
    "path",
    envvar="WML_DATABASE",
    metavar="FILE",
    help="The DuckDB file; by default the environment variable WML_DATABASE, else one in memory.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="warehouse-ml", prog_name="wml")
def wml() -> None:
    r"""Score models by SQL, next to the data.

    \b
    Examples:
      wml demo
      wml sql -d shop.duckdb "SELECT id, PREDICT('churn', *) AS p FROM customers"
      wml models -d shop.duckdb
    """


def command(function: Callable[..., None]) -> click.Command:
    """A command whose errors are one line on stderr and exit code 1."""

    def run(*args: Any, **options: Any) -> None:
        try:
            function(*args, **options)
        except WarehouseMLError as error:
            _fail(str(error))
        except duckdb.Error as error:
            _fail(str(error).splitlines()[0])
        except OSError as error:
            _fail(f"{error.strerror}: {error.filename}" if error.filename else str(error))

    return wml.command()(update_wrapper(run, function))


def _fail(sentence: str) -> None:
    click.echo(f"wml: {sentence}", err=True)
    sys.exit(EXIT_FAILED)


@contextmanager
def _session(path: str | None, *, writes: bool = False) -> Iterator[Session]:
    if path is not None and not writes and not Path(path).exists():
        _fail(f"There is no database {path!r}.")
    with connect(path, read_only=path is not None and not writes) as session:
        yield session


@command
@database
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="By default by the output's name, else a table.",
)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write to this file.")
@click.option("--read-only/--read-write", default=False, help="Open the database read-only.")
@click.argument("statement")
def sql(path: str | None, form: str | None, output: str | None, read_only: bool, statement: str) -> None:
    r"""Run SQL in which PREDICT scores; `-` reads it from standard input.

    \b
    Examples:
      wml sql -d shop.duckdb "SELECT id, PREDICT('churn', *) AS p FROM customers"
      wml sql -d shop.duckdb -o scores.parquet "SELECT id, PREDICT_PROBA('churn', *) AS p FROM customers"
      wml sql -d shop.duckdb -f json - < query.sql
    """
    text = click.get_text_stream("stdin").read() if statement == "-" else statement
    form = form or _format_of(output)
    if form == "parquet" and output is None:
        _fail("Parquet needs a file: add --output FILE.")
    with _session(path, writes=not read_only) as session:
        _write(session.sql(text), form, output)


def _format_of(output: str | None) -> str:
    suffix = Path(output).suffix.lstrip(".").lower() if output else ""
    return suffix if suffix in FORMATS else "table"


def _write(result: Any, form: str, output: str | None) -> None:
    if not result.columns:
        return
    if form == "parquet":
        import pyarrow.parquet

        pyarrow.parquet.write_table(result.arrow(), output)
        return
    with click.open_file(output or "-", "w", encoding="utf-8") as stream:
        if form == "table":
            console = Console(file=stream) if output else Console()
            console.print(_table(result.columns, result.fetchall()))
        elif form == "csv":
            import csv

            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(result.columns)
            writer.writerows(["" if value is None else value for value in row] for row in result.fetchall())
        else:
            import json

            for row in result.fetchall():
                record = dict(zip(result.columns, row, strict=True))
                stream.write(json.dumps(record, ensure_ascii=False, default=str) + "\n")


def _table(columns: list[str], rows: list[tuple[Any, ...]]) -> Table:
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("NULL" if value is None else str(value) for value in row))
    return table


@command
@database
def models(path: str | None) -> None:
    r"""List the models, and which version PREDICT takes.

    \b
    Example:
      wml models -d shop.duckdb
    """
    with _session(path) as session:
        found = session.models()
        if not found:
            click.echo("No model is registered here.")
            return
        rows = [
            (m.name, m.version, m.signature.task, len(m.signature.features), m.created_at, m.comment)
            for m in found
        ]
        Console().print(_table(["model", "default", "task", "features", "created", "comment"], rows))


@command
@database
@click.argument("reference")
def describe(path: str | None, reference: str) -> None:
    r"""Show a version: features, results, figures, lineage, and its plain function.

    \b
    Examples:
      wml describe -d shop.duckdb churn
      wml describe -d shop.duckdb churn@3
    """
    with _session(path) as session:
        click.echo(str(session.describe(reference)))


@command
@database
@click.option(
    "--sample", type=click.Path(exists=True, dir_okay=False), help="CSV or Parquet rows for the parity gate."
)
@click.option("--expected", metavar="COLUMN", help="The sample's column that holds the scores to expect.")
@click.option("--comment", default="", help="Your own words on this version.")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
def register(
    path: str | None, sample: str | None, expected: str | None, comment: str, name: str, file: str
) -> None:
    r"""Register an ONNX file that was made elsewhere.

    \b
    Examples:
      wml register -d shop.duckdb churn churn.onnx
      wml register -d shop.duckdb churn churn.onnx --sample rows.parquet --expected score
    """
    if (sample is None) != (expected is None):
        _fail("--sample and --expected go together.")
    with _session(path, writes=True) as session:
        rows = None if sample is None else session.read_file(sample)
        scores = None
        if rows is not None and expected is not None:
            if expected not in rows.column_names:
                _fail(f"{sample} has no column {expected!r}.")
            scores, rows = rows.column(expected), rows.drop_columns([expected])
        version = session.import_onnx(name, file, sample=rows, expected=scores, comment=comment)
        proof = (
            "equal to the expected scores" if scores is not None else "without a proof: no scores were given"
        )
        click.echo(f"{version.reference} registered, {proof}.")


@command
@database
@click.argument("reference")
def verify(path: str | None, reference: str) -> None:
    r"""Score the rows kept at registration again, and compare; exits with 1 if any differs.

    \b
    Example:
      wml verify -d shop.duckdb churn@3
    """
    with _session(path) as session:
        click.echo(str(session.verify(reference)))


@command
@database
@click.argument("reference")
@click.argument("file", type=click.Path(dir_okay=False))
def export(path: str | None, reference: str, file: str) -> None:
    r"""Write a version's ONNX file.

    \b
    Example:
      wml export -d shop.duckdb churn@3 churn.onnx
    """
    with _session(path) as session:
        session.export(reference, file)
        click.echo(f"{reference} written to {file}.")


@command
@database
@click.option("--remove", is_flag=True, help="Remove the alias instead.")
@click.argument("name")
@click.argument("alias_name", metavar="ALIAS")
@click.argument("version", type=int, required=False)
def alias(path: str | None, remove: bool, name: str, alias_name: str, version: int | None) -> None:
    r"""Point an alias to a version; the alias `default` is what PREDICT takes without a selector.

    \b
    Examples:
      wml alias -d shop.duckdb churn champion 3
      wml alias -d shop.duckdb churn champion --remove
    """
    if remove == (version is not None):
        _fail("Give a version, or --remove.")
    with _session(path, writes=True) as session:
        if version is None:
            session.drop_alias(name, alias_name)
            click.echo(f"{name}@{alias_name} removed.")
        else:
            session.set_alias(name, alias_name, version)
            click.echo(f"{name}@{alias_name} is version {version}.")


@command
@database
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.argument("reference")
def drop(path: str | None, yes: bool, reference: str) -> None:
    r"""Drop a version, or a model with all its versions.

    \b
    Examples:
      wml drop -d shop.duckdb churn@3
      wml drop -d shop.duckdb churn --yes
    """
    if not yes:
        click.confirm(f"Drop {reference}? Views that use it will fail", abort=True)
    name, _, version = reference.partition("@")
    if version and not version.isdigit():
        _fail(f"Name the version to drop by its number, not {version!r}.")
    with _session(path, writes=True) as session:
        session.drop_model(name, int(version) if version else None)
        click.echo(f"{reference} dropped.")


@command
@click.option("--keep", type=click.Path(dir_okay=False), help="Keep the database in this file.")
def demo(keep: str | None) -> None:
    r"""Train, prove and score on 336,776 real flights, in under two minutes.

    \b
    Example:
      wml demo --keep flights.duckdb
    """
    from warehouse_ml.demo import demo as run

    run(keep)
