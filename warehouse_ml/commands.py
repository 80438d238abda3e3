"""The commands of `wml`. Each opens the database, does one thing by the session, and prints it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import duckdb

from warehouse_ml.command_line import command, create_option, database, fail, opened
from warehouse_ml.formats import FORMATS, write
from warehouse_ml.session import Session
from warehouse_ml.statements import statement

_READERS = {".csv": "select_csv", ".parquet": "select_parquet"}


@command
@database(required=False)
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
@create_option
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
        with opened(path, writes=new, create=create) as session:
            write(session.sql(text), form, output)
    except duckdb.Error as error:
        # Refused when it is bound: nothing was written, to the database or to the output.
        if path is None or "read-only mode" not in str(error):
            raise
        with opened(path, writes=True) as session:
            write(session.sql(text), form, output)


def _format_of(output: str | None) -> str:
    suffix = Path(output).suffix.lstrip(".").lower() if output else ""
    return suffix if suffix in FORMATS else "table"


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        fail(f"Standard input is not UTF-8: {error.reason} at byte {error.start}.")


@command
@database(required=True)
def models(path: str) -> None:
    """List the models, and which version PREDICT takes.

    Examples:
      wml models -d shop.duckdb
      wml sql -d shop.duckdb -f json "FROM warehouse_ml.versions"
    """
    with opened(path) as session:
        if session.models():
            write(session.sql(statement("duckdb", "select_models")), "table")
        else:
            click.echo("No model is registered here.")


@command
@database(required=True)
@click.argument("reference")
def describe(path: str, reference: str) -> None:
    """Show a version: features, figures, lineage, its plain function.

    Examples:
      wml describe -d shop.duckdb churn
      wml describe -d shop.duckdb churn@3
    """
    with opened(path) as session:
        click.echo(str(session.describe(reference)))


@command
@database(required=True)
@create_option
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
    with opened(path, writes=True, create=create) as session:
        rows = None if sample is None else _read_rows(session, sample)
        scores = None
        if rows is not None:
            for column in expected:
                if column not in rows.column_names:
                    fail(f"{sample} has no column {column!r}.")
            scores, rows = rows.select(expected), rows.drop_columns(list(expected))
        known = _known(session, name)
        version = session.import_onnx(name, file, sample=rows, expected=scores, comment=comment)
        if version.reference in known:
            click.echo(f"{version.reference} is these bytes already: no version was added, its facts stay.")
            return
        proof = "not proved: no scores were given" if scores is None else "equal to the expected scores"
        click.echo(f"{version.reference} is registered, {proof}.")


def _known(session: Session, name: str) -> set[str]:
    """The versions of a model, which need not be there."""
    if name.lower() not in [model.name for model in session.models()]:
        return set()
    return {version.reference for version in session.versions(name)}


def _read_rows(session: Session, file: str) -> Any:
    reader = _READERS.get(Path(file).suffix.lower())
    if reader is None:
        raise click.UsageError(f"The sample {file!r} is neither .csv nor .parquet.")
    return session.sql(statement("duckdb", reader), [file]).arrow()


@command
@database(required=True)
@click.argument("reference")
def verify(path: str, reference: str) -> None:
    """Score the rows kept at registration again, and compare.

    The exit code is 1 if any score differs.

    Example:
      wml verify -d shop.duckdb churn@3
    """
    with opened(path) as session:
        click.echo(str(session.verify(reference)))


@command
@database(required=True)
@click.argument("reference")
@click.argument("file", type=click.Path(dir_okay=False))
def export(path: str, reference: str, file: str) -> None:
    """Write a version's ONNX file.

    Example:
      wml export -d shop.duckdb churn@3 churn.onnx
    """
    with opened(path) as session:
        session.export(reference, file)
        click.echo(f"{reference} is written to {file}.")


@command
@database(required=True)
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
    with opened(path, writes=True) as session:
        if version is None:
            session.drop_alias(name, alias_name)
            click.echo(f"{name}@{alias_name} is removed.")
        else:
            session.set_alias(name, alias_name, version)
            click.echo(f"{name}@{alias_name} is version {version}.")


@command
@database(required=True)
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
    with opened(path, writes=True) as session:
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
