"""The commands of `wml` that bring versions to Snowflake, and compare the answers."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

import click

from warehouse_ml.command_line import EXIT_FAILED, command, database, opened, snowflake_target, wml
from warehouse_ml.compare import TOLERANCE
from warehouse_ml.compare import compare as compare_answers
from warehouse_ml.errors import KeptDeploymentWarning
from warehouse_ml.push_arguments import Aliases
from warehouse_ml.session import connect

if TYPE_CHECKING:
    from warehouse_ml.engines.snowflake_deployment import Deployment

_TARGET = "snowflake:// and the name of a connection in the connector's connections.toml."


@command
@database(required=True)
@click.option("--to", "target", metavar="TARGET", callback=snowflake_target, help=_TARGET)
@click.option("--dry-run", is_flag=True, help="Print the statements that make a version, and run none.")
@click.option("--role", help="A role that may call the functions.")
@click.option("--secure", is_flag=True, help="Make SECURE functions: see docs/snowflake.md.")
@click.option(
    "--python", "runtime", metavar="VERSION", help="Python there; by default the one that runs here."
)
@click.option("--replace", is_flag=True, help="Make functions that exist anew; their grants stay.")
@click.option("--alias", "aliases", multiple=True, help="An alias to point to the version there too.")
@click.option("--all-aliases", is_flag=True, help="Point every alias of the version to it there too.")
@click.argument("reference")
def push(
    path: str,
    target: str | None,
    dry_run: bool,
    role: str | None,
    secure: bool,
    runtime: str | None,
    replace: bool,
    aliases: tuple[str, ...],
    all_aliases: bool,
    reference: str,
) -> None:
    """Make a version callable on Snowflake, and prove it there.

    A push that failed is finished by another one. `wml deploy` is the same.

    Examples:
      wml push -d shop.duckdb --to snowflake://prod --role analyst churn@3
      wml deploy -d shop.duckdb --dry-run churn@3
    """
    if dry_run == (target is not None):
        raise click.UsageError("Give either --to TARGET or --dry-run.")
    if aliases and all_aliases:
        raise click.UsageError("Give either --alias or --all-aliases.")
    chosen: Aliases = "all" if all_aliases else aliases
    deployment = _deployment(role=role, secure=secure, runtime=runtime, replace=replace)
    with opened(path) as session:
        if target is None:
            click.echo("-- predict and its siblings: as they are where no other version was pushed\n")
            for text in session.push_statements(reference, deployment=deployment, aliases=chosen):
                click.echo(f"{text.rstrip()};\n")
            return
        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always", KeptDeploymentWarning)
            stored = session.push(reference, to=target, deployment=deployment, aliases=chosen)
        for note in notes:
            click.echo(f"wml: {note.message}", err=True)
        click.echo(f"{stored.reference} is on Snowflake, and scores there as it was proved to.")


wml.add_command(push, "deploy")


def _deployment(*, role: str | None, secure: bool, runtime: str | None, replace: bool) -> Deployment:
    from warehouse_ml.engines.snowflake_deployment import Deployment

    asked: dict[str, Any] = {} if runtime is None else {"runtime": runtime}
    return Deployment(caller_role=role, secure=secure, replace=replace, **asked)


@command
@database(required=True)
@click.option("--to", "target", metavar="TARGET", required=True, callback=snowflake_target, help=_TARGET)
@click.option("--tolerance", default=TOLERANCE, show_default=True, help="How far numbers may be apart.")
@click.argument("text", metavar="STATEMENT")
def compare(path: str, target: str, tolerance: float, text: str) -> None:
    """Run one statement here and on Snowflake, and show what differs.

    The exit code is 1 if anything does.

    Example:
      wml compare -d shop.duckdb --to snowflake://prod "SELECT id, PREDICT('churn', *) AS p FROM customers"
    """
    with opened(path) as session, connect(target) as other:
        found = compare_answers(text, session, other, tolerance=tolerance)
    click.echo(str(found))
    if found:
        sys.exit(EXIT_FAILED)
