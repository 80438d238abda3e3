"""Score on the session's GPU: what runs there, that it really does, and that it scores as the CPU does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from warehouse_ml.engines.arrow import ARROW_TYPES, Column, from_arrow
from warehouse_ml.engines.base import Part
from warehouse_ml.engines.handler_files import load_handler
from warehouse_ml.errors import DeviceError
from warehouse_ml.signature import Method, Signature

TOLERANCE = 1e-6
"""How far a number may be off, as a share of it or of the mean magnitude."""

_PROBES = 256
"""Rows that are made up for a version without a proof."""


def providers() -> list[Any]:
    """The execution providers of a session on the device, the wanted one first.

    Raises:
        DeviceError: This onnxruntime has no CUDA.
    """
    placement = load_handler("service_placement")
    absent = placement.absence_of_cuda()
    if absent is not None:
        raise DeviceError(f"device is 'cuda', but {absent}")
    found: list[Any] = placement.cuda_providers()
    return found


def device_scorer(read: Callable[[Part], bytes], signature: Signature) -> Any:
    """A scorer of `udfs/` on the device, held to the registered graph on the CPU.

    Args:
        read: Reads a part of the version.
        signature: Its signature.

    Raises:
        DeviceError: The bulk of the work would fall to the CPU, or a score differs.
    """
    facts = json.loads(signature.to_json())
    onnx = read("onnx")
    scorer = _opened(onnx, read("plan"), facts)
    _check_placement(scorer)
    columns = _probe(read("proof"), signature)
    _check_scores(scorer, load_handler("onnx_udf").Scorer(onnx, facts), columns, signature)
    return scorer


def _opened(onnx: bytes, plan: bytes, facts: Any) -> Any:
    """What a GPU runs: the trees as tensor operators, or the faster graph, or the registered one."""
    handler, planned = load_handler("onnx_udf"), load_handler("planned_udf")
    where = {"providers": providers(), "cells": handler.DEVICE_CELLS_PER_RUN}
    tensors = planned.tensors_of_plan(plan)
    if not tensors and plan:
        entries = planned.read_plan(plan)
        if not planned.has_trees(entries):
            return planned.PlannedScorer(entries, facts, **where)
    return handler.Scorer(tensors or onnx, facts, **where)


def _check_placement(scorer: Any) -> None:
    placement = load_handler("service_placement")
    session = scorer.session
    session.disable_fallback()  # a failed run is an error, not a new session on the CPU
    first = providers()[0]
    wanted = first if isinstance(first, str) else first[0]
    active = session.get_providers()
    if wanted not in active:
        raise DeviceError(
            f"{wanted} could not be started, only {', '.join(active)}: check the GPU, its driver, and the "
            "CUDA libraries"
        )
    reason = placement.fall_of(wanted, placement.placement_of(session))
    if reason is not None:
        raise DeviceError(f"The model is none for a GPU: {reason}. Register it again, or leave it to the CPU")


def _check_scores(device: Any, registered: Any, columns: list[Column], signature: Signature) -> None:
    methods: list[Method] = ["try_predict"]
    if signature.probabilities is not None:
        methods.append("predict_proba")
    pairs = zip(device.score_all(columns, methods), registered.score_all(columns, methods), strict=True)
    for method, (found, expected) in zip(methods, pairs, strict=True):
        for one, other in zip(found, expected, strict=True):
            row = first_difference(one, other)
            if row is not None:
                raise DeviceError(
                    f"The model does not score on the GPU as it was registered: {method.upper()} differs in "
                    f"row {row + 1} of {len(other[0])} that were tried"
                )


def first_difference(found: Column, expected: Column) -> int | None:
    """The first row in which a column is not what it should be; numbers may be off by `TOLERANCE`."""
    values, other = found[0], expected[0]
    missing, absent = (np.zeros(len(other), bool) if c[1] is None else c[1] for c in (found, expected))
    if other.dtype.kind == "f":
        with np.errstate(all="ignore"):
            size = np.abs(np.where(absent | ~np.isfinite(other), 0.0, other))
            off = np.abs(values - other) > TOLERANCE * np.maximum(size, size.mean())
            off |= np.isnan(values) != np.isnan(other)
        differs = off & (values != other)
    else:
        differs = np.asarray(values != other, dtype=bool)
    wrong = np.flatnonzero((missing != absent) | (differs & ~absent))
    return int(wrong[0]) if len(wrong) else None


def _probe(proof: bytes, signature: Signature) -> list[Column]:
    """The rows that a version was proved on; of one without a proof, rows that are made up."""
    if proof:
        table = pa.ipc.open_stream(proof).read_all()
        columns = [table.column(f"row.{place}") for place in range(len(signature.features))]
    else:
        columns = [_made_up(feature.type, seed) for seed, feature in enumerate(signature.features)]
    return [
        from_arrow(column, feature.type) for column, feature in zip(columns, signature.features, strict=True)
    ]


def _made_up(kind: str, seed: int) -> Any:
    drawn = np.random.default_rng(seed).normal(size=_PROBES) * 10.0 ** (np.arange(_PROBES) % 4 - 1)
    missing = np.arange(_PROBES) % 16 == seed % 16
    if kind == "VARCHAR":
        return pa.array(["" if value < 0 else f"{value:.0f}" for value in drawn], mask=missing)
    if kind == "BOOLEAN":
        return pa.array(drawn > 0, mask=missing)
    if kind == "DOUBLE":
        return pa.array(drawn, mask=missing)
    return pa.array((drawn * 1000).astype(np.int64), mask=missing).cast(ARROW_TYPES[kind])
