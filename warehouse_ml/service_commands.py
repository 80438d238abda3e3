"""The commands of `wml service`: score on GPUs, in Snowpark Container Services."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from warehouse_ml.command_line import command, database, opened, wml
from warehouse_ml.session import connect


@wml.group()
def service() -> None:
    """Score on GPUs of Snowflake, in Snowpark Container Services.

    Each command prints its statements, and with --to runs them.
    """


service_command = partial(command, group=service)

to = click.option("--to", "target", metavar="TARGET", help="Run the statements there: snowflake://NAME.")
name = click.option("--name", default="scorer", show_default=True, help="The name of the service.")


def _run(texts: list[str], target: str | None) -> None:
    """Print statements; where a target is named, run each after it was printed."""
    if target is None:
        for text in texts:
            click.echo(f"{text.rstrip()};\n")
        return
    with connect(target) as session:
        for text in texts:
            click.echo(f"{text.rstrip()};\n")
            for row in session.sql(text):
                click.echo("  " + " | ".join(map(str, row)))


@service_command
@database(required=True)
@to
@name
@click.option("--pool", default="scorer_pool", show_default=True, help="The name of the compute pool.")
@click.option("--family", default="GPU_NV_S", show_default=True, help="The kind of its nodes.")
@click.option("--nodes", default=1, show_default=True, help="How many nodes, and instances, at most.")
@click.option("--image", required=True, help="Its image: /db/warehouse_ml/images/scorer:0.1.0")
@click.option("--device", type=click.Choice(["cuda", "cpu"]), default="cuda", show_default=True)
@click.option("--role", help="A role that may call the functions.")
@click.argument("references", nargs=-1, required=True)
def create(
    path: str, target: str | None, references: tuple[str, ...], role: str | None, **settings: Any
) -> None:
    """Make a pool, a service that serves versions, and a function for each of their methods.

    The versions must have been pushed. The functions are called like those of the warehouse, and `_gpu`.

    Example:
      wml service create -d shop.duckdb --image /db/warehouse_ml/images/scorer:0.1.0 churn@3
    """
    from warehouse_ml.engines import snowflake_service as gpu

    with opened(path) as session:
        versions = tuple(session.describe(reference) for reference in references)
    pool = gpu.ComputePool(settings["pool"], settings["family"], max_nodes=settings["nodes"])
    made = gpu.ModelService(
        settings["name"],
        pool.name,
        settings["image"],
        versions,
        device=settings["device"],
        gpus=int(settings["device"] == "cuda"),
        max_instances=settings["nodes"],
        caller_role=role,
    )
    functions = [
        gpu.create_service_function(version, method, made)
        for version in versions
        for method in version.methods
    ]
    start = [gpu.create_compute_pool(pool), gpu.create_image_repository(made), gpu.create_service(made)]
    _run([*start, *functions, *gpu.service_grants(made)], target)


def _simple(verb: str, sentence: str) -> None:
    def run(name: str, target: str | None) -> None:
        from warehouse_ml.engines import snowflake_service as gpu

        _run([gpu.service_statement(verb, name)], target)

    run.__name__, run.__doc__ = verb, sentence
    service_command(to(click.argument("name")(run)))


_simple("status", "List the containers of a service, and whether each is ready.")
_simple("suspend", "Stop the instances; a call of a function starts them again.")
_simple("resume", "Start the instances.")
_simple("drop", "Remove a service; its pool and its functions stay.")
