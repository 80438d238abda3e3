"""Constants as DuckDB reads them without loss."""

from __future__ import annotations

import math

import numpy as np

from warehouse_ml.quoting import literal

FLOAT_LARGEST = 3.4028234663852886e38
FLOAT_INFINITE = 3.4028235677973366e38
"""From here on a double is rounded to an infinite float."""


def double(value: float) -> str:
    """A DOUBLE; without an exponent DuckDB would read a DECIMAL."""
    if math.isnan(value):
        return "CAST('nan' AS DOUBLE)"
    if math.isinf(value):
        return "CAST('inf' AS DOUBLE)" if value > 0 else "CAST('-inf' AS DOUBLE)"
    text = repr(float(value))
    if text.endswith(".0"):
        text = text[:-2]
    return text if "e" in text else text + "e0"


def number(value: object, dtype: str) -> str:
    """A constant of a type of `program.Dtype`.

    Args:
        value: A Python or numpy scalar.
        dtype: Its type.
    """
    if dtype == "string":
        return literal(str(value))
    if dtype == "bool":
        return "TRUE" if value else "FALSE"
    if dtype == "int64":
        return str(int(value))  # type: ignore[call-overload]
    if dtype == "float32":
        single = np.float32(value)  # type: ignore[arg-type]
        # the shortest text of the float, which is shorter than that of the same number as a double
        return f"CAST({double(float(str(single)))} AS FLOAT)"
    return double(float(value))  # type: ignore[arg-type]


def double_at_most(threshold: float, comparison: str, precision: str) -> float:
    """The largest double x for which `x compared with threshold` holds, both rounded to the precision first.

    So a comparison of floats is one of doubles, and no value needs to be rounded in SQL. Nothing is below
    -inf, so there it is -inf, which no ordinary row holds.

    Args:
        threshold: What is compared with.
        comparison: `<` or `<=`.
        precision: `float32` or `float64`.
    """
    if precision == "float64":
        return threshold if comparison == "<=" else float(np.nextafter(threshold, -np.inf))
    with np.errstate(over="ignore"):
        single = np.float32(threshold)
        if comparison == "<" and np.isneginf(single):
            return -math.inf
        if comparison == "<":
            single = np.nextafter(single, np.float32(-np.inf))
        if not np.isfinite(single):
            return math.inf if single > 0 else -FLOAT_INFINITE
        above = np.nextafter(single, np.float32(np.inf))
    upper = 2.0**128 if np.isinf(above) else float(above)
    middle = (float(single) + upper) / 2
    with np.errstate(over="ignore"):
        return middle if np.float32(middle) <= single else float(np.nextafter(middle, -np.inf))


def float_at_most(threshold: float) -> float:
    """The largest float that is not above a double."""
    with np.errstate(over="ignore"):
        single = np.float32(threshold)
        if float(single) > threshold:
            single = np.nextafter(single, np.float32(-np.inf))
    return float(single)
