"""The commands of `wml service`: score on GPUs, or processors, in Snowpark Container Services."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

import click

from warehouse_ml.command_line import command, database, fail, opened, snowflake_target, wml
from warehouse_ml.formats import write
from warehouse_ml.model import ModelVersion
from warehouse_ml.session import Session, connect


@wml.group()
def service() -> None:
    """Score on GPUs of Snowflake, in Snowpark Container Services.

    Each command prints its statements, and with --to runs them.
    """


service_command = partial(command, group=service)

to = click.option(
    "--to",
    "target",
    metavar="TARGET",
    callback=snowflake_target,
    help="Run the statements there: snowflake://NAME.",
)
name = click.option("--name", default="scorer", show_default=True, help="The name of the service.")


def _run(texts: list[str], target: str | None) -> None:
    """Print statements; where a target is named, run each after it was printed."""
    if target is None:
        for text in texts:
            click.echo(f"{text.rstrip()};\n")
        return
    with connect(target) as session:
        _run_on(session, texts)


def _run_on(session: Session, texts: list[str]) -> None:
    """Print and run statements one by one, each with its answer: a sentence, or a table with headings."""
    for text in texts:
        click.echo(f"{text.rstrip()};\n")
        answer = session.sql(text)
        if len(answer.columns) > 1:
            write(answer, "table")
            continue
        for row in answer:
            click.echo(f"  {row[0]}")


@service_command
@database(required=True)
@to
@name
@click.option("--pool", default="scorer_pool", show_default=True, help="The name of the compute pool.")
@click.option("--family", help="The kind of its nodes.  [default: GPU_NV_S, on the CPU CPU_X64_M]")
@click.option("--nodes", default=1, show_default=True, help="How many nodes, and instances, at most.")
@click.option("--image", required=True, help="Its image: /db/warehouse_ml/images/scorer:0.1.0")
@click.option("--device", type=click.Choice(["cuda", "cpu"]), default="cuda", show_default=True)
@click.option("--role", help="A role that may call the functions.")
@click.option("--replace", is_flag=True, help="Give a service that exists these versions and this image.")
@click.argument("references", nargs=-1, required=True)
def create(
    path: str,
    target: str | None,
    references: tuple[str, ...],
    role: str | None,
    replace: bool,
    family: str | None,
    **settings: Any,
) -> None:
    """Make a pool, a service that serves versions, and a function for each of their methods.

    The versions must have been pushed. The functions are called like those of the warehouse, and `_gpu`, or
    `_cpu` with --device cpu. With --replace the functions of versions that the service had before and has no
    more are removed.

    Example:
      wml service create -d shop.duckdb --image /db/warehouse_ml/images/scorer:0.1.0 churn@3
    """
    from warehouse_ml.engines import snowflake_service as gpu

    family = gpu.FAMILIES[settings["device"]] if family is None else family
    if settings["device"] == "cuda" and not family.upper().startswith("GPU_"):
        raise click.UsageError(f"Nodes of the family {family} have no GPU: add --device cpu.")
    with opened(path) as session:
        versions = tuple(dict.fromkeys(session.describe(reference).reference for reference in references))
        described = tuple(session.describe(reference) for reference in versions)
    if target is not None:
        _check_target(target, settings["name"], described, replace)
    pool = gpu.ComputePool(settings["pool"], family, max_nodes=settings["nodes"])
    made = gpu.ModelService(
        settings["name"],
        pool.name,
        settings["image"],
        described,
        device=settings["device"],
        gpus=int(settings["device"] == "cuda"),
        max_instances=settings["nodes"],
        caller_role=role,
    )
    functions = [
        # those of a service that was dropped may still be there
        gpu.create_service_function(version, method, made, replace=True)
        for version in described
        for method in version.methods
    ]
    service_text = gpu.alter_service(made) if replace else gpu.create_service(made)
    start = [gpu.create_compute_pool(pool), gpu.create_image_repository(made), service_text]
    texts = [*start, *functions, *gpu.service_grants(made)]
    if target is None:
        _run(texts, None)
        if replace:
            _print_drops(made.name, ", but for those above")
        return
    names = [
        gpu.service_function_name(version, method, made).lower()
        for version in described
        for method in version.methods
    ]
    with connect(target) as session:
        _run_on(session, texts)
        if replace:
            _run_on(session, _drops(session, made.name, keep=names))


def _check_target(target: str, name: str, versions: Sequence[ModelVersion], replace: bool) -> None:
    """Look, before anything that costs is made, whether the versions are there, and the service is not."""
    from warehouse_ml.engines import snowflake_service as gpu

    with connect(target) as session:
        for version in versions:
            digests = {
                known.sha256
                for model in session.models()
                if model.name == version.name
                for known in session.versions(version.name)
                if known.version == version.version
            }
            if version.sha256 not in digests:
                fail(f"{version.reference} was not pushed there; wml push --to {target} {version.reference}")
        known = session.sql(gpu.show_services(name)).fetchall()
        if known and not replace:
            fail(f"The service {name} exists: --replace gives it these versions alone, and this image.")
        if replace and not known:
            fail(f"There is no service {name} to replace.")


def _simple(verb: str, sentence: str) -> None:
    def run(name: str, target: str | None) -> None:
        from warehouse_ml.engines import snowflake_service as gpu

        _run([gpu.service_statement(verb, name)], target)

    run.__name__, run.__doc__ = verb, sentence
    service_command(to(click.argument("name")(run)))


_simple("status", "List the containers of a service, and whether each is ready.")
_simple("suspend", "Stop the instances; a call of a function starts them again.")
_simple("resume", "Start the instances.")


@service_command
@to
@click.argument("name")
def drop(name: str, target: str | None) -> None:
    """Remove a service, and the functions that call it; its pool stays.

    Which functions these are, only the account knows: without --to they are not printed.
    """
    from warehouse_ml.engines import snowflake_service as gpu

    last = gpu.service_statement("drop", name)
    if target is None:
        _print_drops(name)
        _run([last], None)
        return
    with connect(target) as session:
        _run_on(session, [*_drops(session, name), last])


def _print_drops(name: str, which: str = "") -> None:
    from warehouse_ml.engines.snowflake_service_functions import show_functions

    _run([show_functions()], None)
    click.echo(f"-- and DROP FUNCTION for each whose description says: by {name.lower()}{which}\n")


def _drops(session: Session, name: str, keep: Collection[str] = ()) -> list[str]:
    """The statements that remove the functions of a service but for some."""
    from warehouse_ml.engines.snowflake_service_functions import drop_functions, show_functions

    shown = session.sql(show_functions())
    return drop_functions(name, shown.columns, shown.fetchall(), keep)
