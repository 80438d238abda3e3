"""Choose what a missing and what an extreme value does, by trying it on the estimator."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pandas as pd

from warehouse_ml.errors import SampleError, UnknownFeatureError
from warehouse_ml.parity.oracle import Oracle
from warehouse_ml.signature import Feature, MissingPolicy

FLOAT32_MAX = float(np.finfo(np.float32).max)

_LADDER: tuple[tuple[float, float | None], ...] = (
    (np.inf, None),
    (1e308, sys.float_info.max),
    (3e38, FLOAT32_MAX),
    (1e30, 1e30),
    (1e18, 1e18),
    (1e12, 1e12),
    (1e9, 1e9),
    (1e6, 1e6),
)
"""Magnitudes to try, and the limit to state where one is accepted."""


def choose_policies(
    features: tuple[Feature, ...],
    values: pd.DataFrame,
    oracle: Oracle,
    *,
    missing: str | Mapping[str, str] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> tuple[Feature, ...]:
    """Give every feature its policy for NULL and its limit.

    Args:
        features: The features; their policies are ignored.
        values: A few rows that the estimator scores.
        oracle: The estimator.
        missing: A policy for all features, or for some by name; by default `model` where the estimator
            scores a row that lacks the value, else `null`.
        defaults: The values that replace NULL, by feature.

    Raises:
        UnknownFeatureError: A name is no feature.
        SampleError: A policy is not one, or the estimator does not take what it was to be handed.
    """
    asked = _asked(features, missing, defaults or {})
    takes = _takes_missing(features, values, oracle)
    limits = _limits(features, values, oracle)
    chosen = []
    for feature in features:
        policy = asked.get(feature.name)
        if policy == "model" and feature.name not in takes:
            raise SampleError(
                f"The estimator raises where {feature.name!r} is missing, so its policy cannot be 'model'."
            )
        found: MissingPolicy = "model" if feature.name in takes else "null"
        default = (defaults or {}).get(feature.name)
        chosen.append(
            replace(feature, missing=policy or found, default=default, limit=limits.get(feature.name))
        )
    return tuple(chosen)


def _asked(
    features: tuple[Feature, ...], missing: str | Mapping[str, str] | None, defaults: Mapping[str, Any]
) -> dict[str, MissingPolicy]:
    names = [feature.name for feature in features]
    if missing is None:
        by_name: dict[str, str] = {}
    elif isinstance(missing, str):
        by_name = dict.fromkeys(names, missing)
    else:
        by_name = dict(missing)
    by_name.update(dict.fromkeys(defaults, "default"))
    for name, policy in by_name.items():
        if name not in names:
            raise UnknownFeatureError("the model", name, names)
        if policy not in get_args(MissingPolicy):
            raise SampleError(
                f"{policy!r} is no policy for NULL; it is one of {', '.join(get_args(MissingPolicy))}."
            )
        if policy == "default" and defaults.get(name) is None:
            raise SampleError(f"The policy 'default' of {name!r} needs a value in `defaults`.")
    return by_name  # type: ignore[return-value]


def _takes_missing(features: tuple[Feature, ...], values: pd.DataFrame, oracle: Oracle) -> set[str]:
    trial = oracle.trial(values)

    def accepts(*names: str) -> bool:
        return trial(dict.fromkeys(names, [None] * len(values)))

    able = [feature.name for feature in features if feature.type != "BIGINT"]
    if able and accepts(*able):
        return set(able)
    return {name for name in able if accepts(name)}


def _limits(features: tuple[Feature, ...], values: pd.DataFrame, oracle: Oracle) -> dict[str, float | None]:
    numeric = [feature.name for feature in features if feature.type == "DOUBLE"]

    trial = oracle.trial(values)

    def accepts(magnitudes: list[float], *names: str) -> bool:
        return trial(dict.fromkeys(names, (magnitudes * len(values))[: len(values)]))

    limits: dict[str, float | None] = {}
    for signs in ([1.0, -1.0], [1.0], [-1.0]):  # a logarithm takes only one of them
        for magnitude, limit in _LADDER:
            open_names = [name for name in numeric if name not in limits]
            if not open_names:
                break
            magnitudes = [sign * magnitude for sign in signs]
            taken = open_names if accepts(magnitudes, *open_names) else []
            if not taken:
                taken = [name for name in open_names if accepts(magnitudes, name)]
            limits.update(dict.fromkeys(taken, limit))
    # for the others, such as a spline that ends at its knots, the graph itself says what it refuses
    return limits
