"""Find the category that a value is, as scikit-learn's encoders compare them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.exporters.columns import NULL_TEXT, Block
from warehouse_ml.graph.piecewise import searchsorted
from warehouse_ml.graph.tensor import Tensor


def category_values(
    block: Block, categories: NDArray[Any], values: Sequence[int], default: int = -1
) -> Tensor:
    """The number that stands for each value's category.

    Args:
        block: One column of text or numbers.
        categories: The known categories; NaN and None among them are the missing ones.
        values: The number of each category.
        default: The number of a value that is no category.

    Returns:
        Numbers of shape [rows, 1], int64.
    """
    numbers = [int(value) for value in values]
    missing = missing_category(categories, block)
    if block.tensor.dtype == "string":
        known = {
            str(category): number
            for category, number in zip(categories, numbers, strict=True)
            if isinstance(category, str)
        }
        if missing is not None:
            known[NULL_TEXT] = numbers[missing]
        if not known:
            return block.tensor.lookup([NULL_TEXT], [default], default)
        return block.tensor.lookup(list(known), list(known.values()), default)
    return _numeric_values(block, categories, numbers, default, missing)


def missing_category(categories: NDArray[Any], block: Block) -> int | None:
    """The position of the category that a missing value of this column is, or None.

    NaN of a column of doubles is NaN; in a column of objects None and NaN are two categories, and what
    counts is how the estimator's frame spells a missing value. Times have no missing category: NaT is
    never equal to itself.
    """
    if categories.dtype.kind == "f":
        return len(categories) - 1 if len(categories) and np.isnan(categories[-1]) else None
    if categories.dtype.kind != "O":
        return None
    for place, category in enumerate(categories):
        if category is None and block.marker == "none":
            return place
        if block.marker == "nan" and category is not None and _is_missing(category):
            return place
    return None


def _numeric_values(
    block: Block, categories: NDArray[Any], numbers: list[int], default: int, missing: int | None
) -> Tensor:
    tensor = block.tensor if block.tensor.dtype == "int64" else block.tensor.cast("float64")
    pairs = [
        (_number(category, block), number)
        for category, number in zip(categories, numbers, strict=True)
        if not _is_missing(category) and not isinstance(category, str | bytes)
    ]
    graph = tensor.graph
    if tensor.dtype == "int64":
        pairs = [(value, number) for value, number in pairs if float(value).is_integer()]
    if not pairs:
        # nothing is known but, perhaps, the missing value
        result = tensor.equal(tensor).where(default, default)
    else:
        keys, known = zip(*sorted(pairs), strict=True)
        table = np.array(keys, dtype=tensor.dtype)
        place = graph.maximum(searchsorted(tensor, [table]) - 1, 0)
        found = graph.constant(table).take(place).equal(tensor)
        result = found.where(graph.constant(np.array(known, dtype=np.int64)).take(place), default)
    if tensor.dtype == "int64" or missing is None:
        return result
    return tensor.isnan().where(numbers[missing], result)


def _is_missing(category: Any) -> bool:
    return category is None or bool(category != category)


def _number(category: Any, block: Block) -> Any:
    """A category as the tensor spells it: times are counts of the column's unit."""
    if isinstance(category, np.datetime64):
        return float(category.astype(f"datetime64[{block.unit}]").astype(np.int64))
    if block.tensor.dtype == "int64":
        return int(category)
    return float(category)
