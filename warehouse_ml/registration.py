"""Make an estimator or a foreign file ready to be registered: exported, proved, with its lineage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from warehouse_ml.backends.plan import PlanFacts
from warehouse_ml.boosters import as_estimator
from warehouse_ml.engines.arrow import leaves_of
from warehouse_ml.engines.base import Engine
from warehouse_ml.engines.scoring import handler
from warehouse_ml.errors import MissingDependencyError, ParityError, SampleError
from warehouse_ml.export import Exported, export
from warehouse_ml.import_onnx import read_onnx
from warehouse_ml.lineage import fingerprint, libraries
from warehouse_ml.model import ModelVersion
from warehouse_ml.options import TOLERANCE, model_bytes, plain_defaults, proof_rows_of, tolerance_of
from warehouse_ml.parity.comparison import Expected, Score
from warehouse_ml.parity.proof import Proof, thinned
from warehouse_ml.parity.report import ParityReport
from warehouse_ml.parity.route import scored_by
from warehouse_ml.registry.rows import Plan
from warehouse_ml.sample import Sample, as_frame
from warehouse_ml.signature import Method, MissingPolicy, Signature

if TYPE_CHECKING:
    import pandas as pd

_TRIAL_ROWS = 8


@dataclass(frozen=True, slots=True)
class Registrable:
    """All that a version is made of, but its number.

    Attributes:
        onnx: The ONNX file, with the signature in its metadata.
        signature: Features and results.
        parity: The figures of the gate; empty where a foreign file came without expected scores.
        proof: Rows to verify the version with, or None.
        lineage: Where it comes from.
        plan: How it is scored fast; None where there were no rows to prove that on.
    """

    onnx: bytes
    signature: Signature
    parity: Mapping[str, Any] = field(default_factory=dict)
    proof: bytes | None = None
    lineage: Mapping[str, Any] = field(default_factory=dict)
    plan: Plan | None = None


def of_estimator(
    estimator: Any,
    rows: Any,
    engine: Engine,
    *,
    outputs: tuple[str, ...] | None = None,
    missing: str | Mapping[str, str] | None = None,
    defaults: Mapping[str, Any] | None = None,
    tolerance: float | None = None,
    proof_rows: int | None = None,
) -> Registrable:
    """Export a fitted estimator and prove it equal by the engine's own SQL.

    Raises:
        ExportError: It cannot be exported, or the sample does not fit it.
        ParityError: The exported model does not score as it does.
        MissingDependencyError: The training extra is not installed.
    """
    try:
        from warehouse_ml.export import require_fitted
        from warehouse_ml.parity.oracle import Oracle
        from warehouse_ml.parity.policies import choose_policies
        from warehouse_ml.parity.prove import prove
        from warehouse_ml.parity.rows import as_values
        from warehouse_ml.planning import plan_of
    except ModuleNotFoundError as error:
        raise MissingDependencyError(error.name or "pandas", "train") from None

    limit, kept = tolerance_of(tolerance), proof_rows_of(proof_rows)
    estimator = as_estimator(estimator)
    require_fitted(estimator)
    sample = Sample.of(estimator, rows)
    defaults = plain_defaults(sample.features, defaults or {})
    values = as_values(sample.frame)
    oracle = Oracle(estimator, sample)
    exported = export(estimator, sample, outputs=outputs)
    if len(outputs or ()) > 1 and exported.signature.prediction.type != "STRUCT":
        raise SampleError(f"The model has one output; {len(outputs or ())} names were given for it.")
    complete = values.dropna()
    trial = (complete if len(complete) else values).head(_TRIAL_ROWS)
    exported = exported.with_features(
        choose_policies(sample.features, trial, oracle, missing=missing, defaults=defaults)
    )
    proved = prove(
        exported,
        values,
        oracle,
        (_in_process, lambda made: _in_engine(made, engine)),
        tolerance=limit,
        proof_rows=kept,
    )
    lineage = {
        "estimator": " ".join(repr(estimator).split())[:2000],
        "sample_rows": len(sample.frame),
        "sample_fingerprint": fingerprint(sample.frame),
        "libraries": libraries(estimator),
    }
    proof = proved.proof.to_bytes() if len(proved.proof.rows) else None
    onnx, signature = proved.exported.serialize(), proved.exported.signature
    plan = plan_of(onnx, signature, proved.rows, proved.report.rows, engine)
    return Registrable(onnx, signature, proved.report.figures(), proof, lineage, plan)


def of_onnx(
    source: Any,
    engine: Engine,
    *,
    sample: Any = None,
    expected: Any = None,
    features: Any = None,
    outputs: Any = None,
    classes: Sequence[str | int | bool] | None = None,
    missing: MissingPolicy | Mapping[str, MissingPolicy] = "null",
    tolerance: float | None = None,
) -> Registrable:
    """Read a foreign ONNX file, and prove it where expected scores are given.

    Raises:
        ImportModelError: It is damaged, unsafe, or no model over columns.
        SampleError: Sample and expected scores do not go together, or with the features.
        ParityError: It does not score what is expected.
    """
    limit = tolerance_of(tolerance)
    source = model_bytes(source)
    imported = read_onnx(source, features=features, outputs=outputs, classes=classes, missing=missing)
    lineage = {
        "source": "bytes" if isinstance(source, bytes) else Path(source).name,
        "source_sha256": imported.source_sha256,
        "libraries": libraries(None),
    }
    if (sample is None) != (expected is None):
        raise SampleError("A sample and the scores that are expected for it go together.")
    if sample is None:
        return Registrable(imported.onnx, imported.signature, lineage=lineage)
    signature = imported.signature
    frame = _named(as_frame(sample), signature)
    from warehouse_ml.parity.rows import as_arrow, as_values
    from warehouse_ml.planning import plan_of

    values = as_values(frame)
    truth = _expected(expected, values, signature)
    table = as_arrow(values, signature.features)
    proof = thinned(table, truth, len(values))
    whole = Proof(table, truth, len(values))
    report = whole.verify(scored_by({"onnx": imported.onnx}, signature, table, engine), signature, limit)
    if not report.passed:
        raise ParityError(f"The imported model does not score what is expected. {report}", report)
    plan = plan_of(imported.onnx, signature, table, len(table), engine)
    return Registrable(imported.onnx, signature, report.figures(), proof.to_bytes(), lineage, plan)


def verify(
    version: ModelVersion,
    onnx: bytes,
    proof: bytes,
    engine: Engine,
    plan: bytes = b"",
    facts: PlanFacts | None = None,
) -> ParityReport:
    """Score the rows of a proof by the engine's SQL, by every route that a statement may take.

    Args:
        version: The version.
        onnx: Its file.
        proof: The rows that were kept.
        engine: Scores.
        plan: What its functions run, where that is not the file as it is.
        facts: What the plan says of itself.

    Returns:
        The report of the route that is farthest off.

    Raises:
        ParityError: A row differs.
    """
    kept = Proof.from_bytes(proof)
    signature = version.signature
    routes = {"onnxruntime": scored_by({"onnx": onnx}, signature, kept.rows, engine)}
    if plan:
        routes["plan"] = scored_by({"onnx": onnx, "plan": plan}, signature, kept.rows, engine)
    if facts is not None and facts.inline is not None:
        routes["inline"] = scored_by({"onnx": onnx}, signature, kept.rows, engine, facts.inline)
    tolerance = version.parity.get("tolerance", TOLERANCE)
    reports = [kept.verify(score, signature, tolerance) for score in routes.values()]
    report = max(reports, key=lambda report: (report.mismatches, report.difference))
    if not report.passed:
        raise ParityError(f"'{version.reference}' does not score as it was proved to. {report}", report)
    return report


def _in_process(exported: Exported) -> Score:
    """Score rows of values with onnxruntime alone."""
    from warehouse_ml.parity.rows import as_columns

    signature = exported.signature
    scorer = handler().Scorer(exported.serialize(), json.loads(signature.to_json()))

    def score(rows: Any, method: Method) -> list[tuple[Any, Any]]:
        scored: list[tuple[Any, Any]] = scorer.score(as_columns(rows, signature.features), method)
        return scored

    return score


def _in_engine(exported: Exported, engine: Engine) -> Score:
    """Score rows of values by the engine's SQL."""
    from warehouse_ml.parity.rows import as_arrow

    onnx = exported.serialize()

    def score(rows: Any, method: Method) -> list[tuple[Any, Any]]:
        table = as_arrow(rows, exported.signature.features)
        return _by_sql(onnx, exported.signature, method, table, engine)

    return score


def _by_sql(
    onnx: bytes, signature: Signature, method: Method, table: Any, engine: Engine
) -> list[tuple[Any, Any]]:
    output = signature.result(method)
    if output is None:
        return []
    return leaves_of(engine.score({"onnx": onnx}, signature, method, table), output)


def _named(frame: pd.DataFrame, signature: Signature) -> pd.DataFrame:
    names = list(signature.feature_names)
    absent = [name for name in names if name not in frame.columns]
    if (
        absent
        and frame.shape[1] == len(names)
        and list(frame.columns) == [f"x{i}" for i in range(len(names))]
    ):
        return frame.set_axis(names, axis=1)  # a matrix: by position
    if absent:
        raise SampleError(f"The sample lacks the feature {absent[0]!r}.")
    return frame[names]


def _expected(expected: Any, values: pd.DataFrame, signature: Signature) -> Expected:
    frame = as_frame(expected)
    names = [str(label) for label in signature.classes]
    if len(names) > 1 and sorted(names) == sorted(map(str, frame.columns)):
        frame = frame[names]  # probabilities in a frame whose columns are the classes
    if len(frame) != len(values):
        raise SampleError(f"{len(frame)} scores are expected for {len(values)} rows.")
    null = np.zeros(len(values), dtype=bool)
    for feature in signature.features:
        if feature.missing in ("null", "error"):
            null |= values[feature.name].isna().to_numpy(dtype=bool)
    columns = tuple(frame[name].astype(object).to_numpy() for name in frame.columns)
    method = _method_of(columns, signature)
    if method is None:
        raise SampleError(f"{len(columns)} columns of scores are expected; the model returns another number.")
    if method == "predict_proba" and len(signature.classes) == 2:
        columns = columns[-1:]
    return Expected({method: columns}, null, np.zeros(len(values), dtype=bool), "")


def _method_of(columns: tuple[Any, ...], signature: Signature) -> Method | None:
    """Which method the expected scores are of, by their number and kind."""
    predicted = len(list(signature.prediction.leaves()))
    fractions = all(isinstance(value, float) and not value.is_integer() for value in columns[0][:50])
    labels = signature.prediction.type != "DOUBLE"
    if len(columns) == predicted and not (fractions and labels):
        return "try_predict"
    wanted = None if signature.probabilities is None else len(list(signature.probabilities.leaves()))
    if wanted is not None and (len(columns) == wanted or (wanted == 2 and len(columns) == 1)):
        return "predict_proba"
    return None
