"""The codes of native categories: what pandas, XGBoost and LightGBM number from 0 in the order of a list."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.exporters.columns import NULL_TEXT, Block
from warehouse_ml.exporters.exporter import Exporter
from warehouse_ml.graph.tensor import Tensor


def category_codes(block: Block, categories: NDArray[Any], exporter: Exporter) -> Tensor:
    """The position of each value in a list of categories.

    Args:
        block: One column of raw values.
        categories: The categories in code order: text, or numbers.
        exporter: Asked to refuse categories that are not of the column's type.

    Returns:
        float64 of shape [rows, 1]: -1 for a value that is not in the list, NaN for a missing one.
    """
    values = block.tensor
    text = [isinstance(category, str) for category in categories.tolist()]
    if values.dtype == "string" and all(text):
        known = [*categories.tolist(), NULL_TEXT]
        codes = values.lookup(known, [*range(len(categories)), -2], default=-1)
        return codes.equal(-2).where(np.nan, codes.cast("float64"))
    if values.dtype == "string" or any(text) or np.asarray(categories).dtype.kind not in "biuf":
        exporter.unsupported(
            "its categories are not of the type that the sample's column has",
            "Make all of them text, or all of them numbers, and fit again.",
        )
    wanted = np.asarray(categories, np.float64)
    places = np.arange(1.0, len(wanted) + 1.0)
    numbers = values.cast("float64")
    found = numbers.equal(wanted.reshape(1, -1)).cast("float64") @ places.reshape(-1, 1)
    return numbers.isnan().where(np.nan, found - 1.0)
