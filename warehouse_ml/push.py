"""Push a version of one registry to Snowflake: files, functions, proof, row; each step may be taken again."""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse_ml.deployment import dispatch_statements
from warehouse_ml.engines.arrow import ARROW_TYPES
from warehouse_ml.engines.base import Engine
from warehouse_ml.engines.snowflake import SnowflakeEngine
from warehouse_ml.engines.snowflake_ddl import (
    create_function,
    create_stage,
    grants,
    handler_contents,
    handler_files,
    tensors_of,
    withdrawal,
)
from warehouse_ml.engines.snowflake_deployment import Deployment
from warehouse_ml.engines.snowflake_model_files import put_model
from warehouse_ml.engines.snowflake_readers import create_readers
from warehouse_ml.engines.snowflake_scores import deployed_scores
from warehouse_ml.engines.snowflake_sql import rendered
from warehouse_ml.errors import DeploymentRefusedError, ParityError, RegistryError
from warehouse_ml.model import ModelVersion
from warehouse_ml.options import TOLERANCE
from warehouse_ml.parity.comparison import Score
from warehouse_ml.parity.proof import Proof
from warehouse_ml.parity.report import ParityReport
from warehouse_ml.push_arguments import Aliases, chosen_aliases
from warehouse_ml.registry.registry import Registry
from warehouse_ml.registry.rows import Plan
from warehouse_ml.registry.selector import split_reference
from warehouse_ml.signature import Signature

_FIRST_YEAR, _LAST_YEAR = 1678, 2261
"""The years that nanoseconds since 1970 in 64 bits hold whole."""


def push(
    reference: str,
    source: Registry,
    target: Engine,
    deployment: Deployment | None = None,
    *,
    aliases: Aliases = (),
) -> ModelVersion:
    """Make a version of a registry callable on Snowflake, under its own number.

    Every step can be taken again, and a push that failed anywhere is finished by another one. What exists is
    never changed: a file of the stage must be equal, a function stays, and the version's row is written last.

    Args:
        reference: `name[@selector]` in the source.
        source: Where the version is.
        target: Where it goes.
        deployment: How its functions are made.
        aliases: Aliases of the source to point to the version in the target too, where they do there; or all.

    Returns:
        The version in the target.

    Raises:
        VersionTakenError: The target has other bytes under that number. Nothing was changed.
        StagedFileError: A file of the stage is not the one that belongs there.
        DeploymentRefusedError: Snowflake refuses to make the functions, or to run them.
        ParityError: The deployed functions do not score as the model was proved to. No row was written.
        WarehouseMLError: There is no such version, or an alias does not point to it.
    """
    settings = deployment or Deployment()
    engine = _on_snowflake(target, settings)
    version = source.resolve(*split_reference(reference))
    pointers = chosen_aliases(source, version, aliases)
    onnx, proof = source.load(version), source.load_proof(version)
    facts, data = source.load(version, "facts"), source.load(version, "plan")
    registry = Registry(engine)
    stored = registry.adopt(
        version,
        onnx,
        proof=proof,
        plan=Plan(facts.decode(), data) if facts else None,
        prepare=preparation(engine, onnx, proof, settings, plan=data),
    )
    for alias in pointers:
        registry.set_alias(version.name, alias, version.version)
    publish(engine, registry, settings)
    return stored


def preparation(
    engine: Engine,
    onnx: bytes,
    proof: bytes | None,
    deployment: Deployment | None = None,
    *,
    plan: bytes = b"",
) -> Callable[[ModelVersion], None]:
    """What `Registry.register` and `adopt` do before a version's row is written: deploy it, and prove that.

    Args:
        engine: The target.
        onnx: The model's file.
        proof: The rows that it was proved on; None where there are none.
        deployment: How its functions are made.
        plan: How it is scored fast; it holds what a service with a GPU runs.

    Raises:
        RegistryError: The target is not on Snowflake.
    """
    settings = deployment or Deployment()
    target = _on_snowflake(engine, settings)

    def prepare(version: ModelVersion) -> None:
        try:
            deploy(target, version, onnx, settings, tensors_of(plan))
            prove(target, version, proof)
        except target.bind_error as error:
            number, reason = getattr(error, "errno", None), getattr(error, "msg", None)
            raise DeploymentRefusedError(version.reference, number, reason or str(error)) from error

    return prepare


def deploy(
    engine: SnowflakeEngine, version: ModelVersion, onnx: bytes, deployment: Deployment, tensors: bytes = b""
) -> None:
    """Put a version's files on the stage, make its functions, and grant their use.

    Args:
        engine: The target.
        version: The version.
        onnx: The model's file.
        deployment: How its functions are made.
        tensors: The same with tensor operators for its trees, for a service with a GPU.

    Raises:
        StagedFileError: A file that is there is not the one that belongs there.
        RegistryError: The functions are to be SECURE, and exist without it.
    """
    deployment = _as_secure_as_there(engine, version, deployment)
    engine.run(create_stage(deployment))
    stage = engine.stage
    contents = handler_contents()
    for file in handler_files():
        stage.put(file.path, contents[file.name])
    put_model(stage, version, onnx, tensors)
    for method in version.methods:
        engine.run(create_function(version, method, deployment))
    for statement in grants(version, deployment):
        engine.run(statement)


def prove(
    engine: Engine, version: ModelVersion, proof: bytes | None, deployment: Deployment | None = None
) -> ParityReport | None:
    """Hold the deployed functions of a version to the scores that were kept with it.

    Without such scores, a row of NULLs shows at least that the handler can be loaded.

    Returns:
        The report; None without a proof.

    Raises:
        ParityError: A row differs.
    """
    target = _on_snowflake(engine, deployment or Deployment())
    if proof is None:
        kinds = [ARROW_TYPES[feature.type] for feature in version.signature.features]
        nulls = pa.table([pa.nulls(1, kind) for kind in kinds], [f"f{at}" for at in range(len(kinds))])
        deployed_scores(target, version, "try_predict", nulls)
        return None
    kept = _representable(Proof.from_bytes(proof), version.signature)
    tolerance = version.parity.get("tolerance", TOLERANCE)
    report = kept.verify(_score(target, version, kept.rows), version.signature, tolerance)
    if not report.passed:
        raise ParityError(
            f"The functions of '{version.reference}' on Snowflake do not score as it was proved to: "
            f"{report.mismatches} results differ, by {report.difference:.2g} at "
            f"most (tolerance {tolerance:.2g}); error.report shows the worst rows.",
            report,
        )
    return report


def withdraw(engine: Engine, versions: Iterable[ModelVersion], deployment: Deployment | None = None) -> None:
    """Take the functions and files of versions away that were dropped; what is gone already is no error.

    The functions that find versions by name are made anew before: see `publish`.

    Raises:
        RegistryError: A version is still there.
    """
    settings = deployment or Deployment()
    target = _on_snowflake(engine, settings)
    live = {version.reference for version in Registry(target).live_versions()}
    for version in versions:
        if version.reference in live:
            raise RegistryError(f"'{version.reference}' is still registered; drop it first.")
        for statement in withdrawal(version, target.schema):
            target.run(statement)


def publish(engine: Engine, registry: Registry, deployment: Deployment | None = None) -> None:
    """Make the functions anew that find versions by the names of models: after each change of the registry.

    Once one of them, or any version's own, is SECURE, they stay SECURE whatever the settings: whoever sets an
    alias later need not know it.

    Args:
        engine: Where they are.
        registry: The registry of that database.
        deployment: How they are made.
    """
    settings = deployment or Deployment()
    target = _on_snowflake(engine, settings)
    there = _functions_there(target)
    if any(secure for secure, _ in there.values()):
        settings = replace(settings, secure=True)
    for statement in create_readers(settings.schema, [comment for _, comment in there.values()]):
        target.run(statement)
    written = None
    # Once more where another change came in between, which would be missing.
    while written != (found := (registry.live_versions(), registry.pointers())):
        for statement in dispatch_statements(*found, settings):
            target.run(statement)
        written = found


def _as_secure_as_there(engine: SnowflakeEngine, version: ModelVersion, deployment: Deployment) -> Deployment:
    """The settings with which a version's functions are as SECURE as asked for, and no less than they are.

    Raises:
        RegistryError: They exist without SECURE, and are not to be replaced.
    """
    if not deployment.secure and not deployment.replace:
        return deployment
    there = _functions_there(engine)
    known = [there[name][0] for method in version.methods if (name := version.function_of(method)) in there]
    if deployment.secure and not deployment.replace and not all(known):
        raise RegistryError(
            f"The functions of '{version.reference}' exist and are not SECURE; a function that exists is not "
            "touched. Push with Deployment(secure=True, replace=True) to make them anew."
        )
    return replace(deployment, secure=deployment.secure or any(known))


def _functions_there(engine: SnowflakeEngine) -> dict[str, tuple[bool, str]]:
    """For each function in the schema, by its name in lower case: whether it is SECURE, and its comment."""
    shown = engine.execute(rendered("show_functions", schema=engine.schema))
    columns = [column[0].lower() for column in shown.description]
    name, secure, comment = map(columns.index, ("name", "is_secure", "description"))
    return {row[name].lower(): (row[secure] == "Y", row[comment]) for row in shown.fetchall()}


def _on_snowflake(engine: Engine, deployment: Deployment) -> SnowflakeEngine:
    """The engine, on the database of a deployment.

    Raises:
        RegistryError: It is not one of Snowflake.
    """
    if not isinstance(engine, SnowflakeEngine):
        raise RegistryError(f"A version is pushed to Snowflake; {engine!r} is none.")
    return engine if deployment.database is None else engine.in_database(deployment.database)


def _representable(proof: Proof, signature: Signature) -> Proof:
    """The rows of a proof that Snowflake can hold.

    A handler gets times as nanoseconds since 1970 in 64 bits, and an OBJECT holds no infinite number.
    """
    fits = np.ones(len(proof.rows), dtype=bool)
    for column, feature in zip(proof.rows.columns, signature.features, strict=True):
        if feature.type == "TIMESTAMP":
            years = pc.fill_null(pc.year(column), 2000).to_numpy()
            fits &= (years >= _FIRST_YEAR) & (years <= _LAST_YEAR)
    for method, answers in proof.expected.answers.items():
        output = signature.result(method)
        if output is not None and output.type == "STRUCT":
            for answer in answers:
                fits &= [not isinstance(value, float) or not math.isinf(value) for value in answer]
    return proof if fits.all() else proof.where(fits)


def _score(engine: SnowflakeEngine, version: ModelVersion, rows: Any) -> Score:
    return lambda positions, method: deployed_scores(engine, version, method, rows.take(positions))
