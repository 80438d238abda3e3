"""Imputers that fill with a statistic, and indicators of what was missing.

What counts as missing depends on how the estimator's frame spells it: `SimpleImputer()` fills NaN, and
leaves None in a column of objects alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np

from warehouse_ml.exporters.columns import NULL_TEXT, Block, Columns
from warehouse_ml.exporters.exporter import Exporter, Transform
from warehouse_ml.graph.tensor import Tensor


def simple_imputer(imputer: Any, columns: Columns, exporter: Exporter) -> Columns:
    """The column's statistic where a value is missing; columns without a statistic are dropped."""
    computes = imputer.strategy not in ("most_frequent", "constant")
    statistics = np.asarray(imputer.statistics_, dtype=object)
    kept = [
        index for index, value in enumerate(statistics) if imputer.keep_empty_features or not _is_nan(value)
    ]
    blocks = []
    start = 0
    for block in _merged(columns.select(kept).blocks):
        end = start + len(block.features)
        values = statistics[kept[start:end]].tolist()
        blocks.append(_filled(block, values, imputer.missing_values, computes, exporter))
        start = end
    filled = Columns(tuple(blocks), columns.sparse)
    return with_indicator(imputer, filled, columns, computes=computes)


def missing_indicator(indicator: Any, columns: Columns, exporter: Exporter) -> Columns:
    """Whether a value is missing, for all features or those that missed values in training."""
    each = columns.each()
    if indicator.features == "missing-only" and indicator.error_on_new:
        for index in set(range(len(each))) - {int(index) for index in indicator.features_}:
            missing = missing_mask(each[index].blocks[0], indicator.missing_values)
            if missing is not None:
                exporter.refuse(missing, each[index], "missing, though it never was in training")
    sparse = indicator.sparse is True or (indicator.sparse == "auto" and columns.sparse)
    return _indicators(indicator, columns, computes=False, sparse=sparse)


def with_indicator(imputer: Any, filled: Columns, columns: Columns, *, computes: bool) -> Columns:
    """What an imputer with `add_indicator` returns: its columns, then those of its indicator.

    Args:
        imputer: The imputer.
        filled: The columns that it filled.
        columns: The columns that it was given.
        computes: Whether it converts everything to numbers first, which makes NaN of None.
    """
    if not imputer.add_indicator:
        return filled
    marks = _indicators(imputer.indicator_, columns, computes=computes, sparse=filled.sparse)
    return Columns.join((filled, marks), sparse=filled.sparse)


def _indicators(indicator: Any, columns: Columns, *, computes: bool, sparse: bool) -> Columns:
    each = columns.each()
    marks = []
    for index in indicator.features_:
        block = each[int(index)].blocks[0]
        mask = missing_mask(block, indicator.missing_values, computes=computes)
        marks.append(never(block.tensor) if mask is None else mask)
    if not marks:
        return Columns((), sparse)
    return Columns.of(columns.graph.concat(marks).cast("float64"), sparse=sparse)


def missing_mask(block: Block, missing_values: Any, *, computes: bool = False) -> Tensor | None:
    """Where scikit-learn's `_get_mask` finds a missing value in a block, or None for nowhere.

    Args:
        block: Columns of one type.
        missing_values: What stands for a missing value: NaN, None, pandas' NA, a number or a text.
        computes: Whether the step converts everything to numbers first.
    """
    tensor = block.tensor
    if missing_values is None or _is_nan(missing_values) or _is_na(missing_values):
        spelling = "none" if missing_values is None else "nan"
        if not (computes or _is_na(missing_values) or block.marker == spelling):
            return None
        if tensor.dtype == "string":
            return tensor.lookup([NULL_TEXT], [1], 0).equal(1)
        return tensor.isnan() if tensor.dtype.startswith("float") else None
    if tensor.dtype == "string":
        if not isinstance(missing_values, str):
            return None
        return tensor.lookup([str(missing_values)], [1], 0).equal(1)
    if not isinstance(missing_values, Real):
        return None
    number: Any = missing_values
    if tensor.dtype == "int64":
        return tensor.equal(int(number)) if float(number).is_integer() else None
    return tensor.cast("float64").equal(float(number))


def never(tensor: Tensor) -> Tensor:
    """False for every value of the tensor."""
    if tensor.dtype == "string":
        return tensor.lookup([NULL_TEXT], [0], 0).equal(1)
    return ~tensor.equal(tensor) & tensor.equal(tensor)


def _filled(
    block: Block, statistics: Sequence[Any], missing_values: Any, computes: bool, exporter: Exporter
) -> Block:
    """A block with each column's statistic where a value is missing."""
    tensor = block.tensor
    mask = missing_mask(block, missing_values, computes=computes)
    if mask is None:
        return block
    text = tensor.dtype == "string"
    if any(text != isinstance(value, str) for value in statistics):
        exporter.unsupported(
            f"it fills {'text with a number' if text else 'numbers with text'}",
            "Impute text and numbers apart.",
        )
    if text:
        tensor = mask.where([list(statistics)], tensor)
    elif tensor.dtype == "int64":
        tensor = mask.where([[int(value) for value in statistics]], tensor)
    else:
        tensor = mask.where([[float(value) for value in statistics]], tensor.cast("float64"))
    features = (None,) * len(block.features)
    return replace(block, tensor=tensor, features=features, categories=None, unit=None, entries=None)


def _merged(blocks: Sequence[Block]) -> list[Block]:
    """The same columns; neighbours of one type and spelling are one block, so that one node fills them."""
    merged: list[Block] = []
    for block in blocks:
        last = merged[-1] if merged else None
        plain = block.categories is None and block.unit is None
        if (
            last is not None
            and plain
            and last.categories is None
            and last.unit is None
            and (last.tensor.dtype, last.marker) == (block.tensor.dtype, block.marker)
        ):
            tensor = block.tensor.graph.concat([last.tensor, block.tensor])
            features = last.features + block.features
            merged[-1] = Block(tensor, features, marker=block.marker)
        else:
            merged.append(block)
    return merged


def _is_nan(value: Any) -> bool:
    return isinstance(value, Real) and bool(np.isnan(float(value)))


def _is_na(value: Any) -> bool:
    return type(value).__name__ == "NAType"


TRANSFORMERS: Mapping[str, Transform] = {
    "sklearn.SimpleImputer": simple_imputer,
    "sklearn.MissingIndicator": missing_indicator,
}
