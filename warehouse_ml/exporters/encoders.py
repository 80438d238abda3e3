"""Encoders of categories: one-hot, ordinal, and by the mean of the target."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.exporters.categories import category_values
from warehouse_ml.exporters.columns import Block, Columns, Entries
from warehouse_ml.exporters.exporter import Exporter, Transform
from warehouse_ml.graph.tensor import Tensor

_MANY_COLUMNS = 128
"""From here on a linear model is faster by the ones of a row than by its columns."""


def one_hot_encoder(encoder: Any, columns: Columns, exporter: Exporter) -> Columns:
    """A one in the column of the category; infrequent categories share one, a dropped one is all zeros."""
    parts: list[Tensor] = []
    widths: list[int] = []
    for index, column, block in _each(columns):
        places, width, unknown = _one_hot_places(encoder, index)
        if encoder.handle_unknown == "error":
            _refuse_unknown(block, encoder.categories_[index], column, exporter)
        if width:
            parts.append(category_values(block, encoder.categories_[index], places, unknown))
            widths.append(width)
    return one_hot_columns(parts, widths, sparse=bool(encoder.sparse_output))


def one_hot_columns(places: Sequence[Tensor], widths: Sequence[int], *, sparse: bool) -> Columns:
    """One-hot columns side by side; many of them are also held by their ones.

    Args:
        places: For each feature the place of its one, int64 [rows, 1]; -1 for none.
        widths: For each feature how many columns it takes.
        sparse: Whether scikit-learn has a sparse matrix.
    """
    if not places:
        return Columns((), sparse)
    graph = places[0].graph
    total = sum(widths)
    dense = graph.concat(place.one_hot(width) for place, width in zip(places, widths, strict=True))
    entries = None
    if total > _MANY_COLUMNS:
        place = graph.concat(places)
        none = place < 0
        starts = np.cumsum([0, *widths[:-1]]).reshape(1, -1)
        entries = Entries(none.where(total, place + starts), (~none).cast("float64"), total)
    return Columns((Block(dense, (None,) * total, entries=entries),), sparse)


def _one_hot_places(encoder: Any, index: int) -> tuple[list[int], int, int]:
    """The output column of each category (-1 for none), how many there are, and that of the unknown."""
    grouped = _grouped(encoder, index)
    infrequent = getattr(encoder, "_infrequent_indices", None)
    unknown = -1
    if (
        encoder.handle_unknown in ("infrequent_if_exist", "warn")
        and encoder._infrequent_enabled
        and infrequent[index] is not None  # type: ignore[index]
    ):
        unknown = int(grouped.max())
    dropped = None if encoder._drop_idx_after_grouping is None else encoder._drop_idx_after_grouping[index]
    width = int(grouped.max()) + 1

    def kept(place: int) -> int:
        if dropped is None or place < dropped:
            return place
        return -1 if place == dropped else place - 1

    return [kept(int(place)) for place in grouped], width - (dropped is not None), kept(unknown)


def _grouped(encoder: Any, index: int) -> NDArray[np.int64]:
    """The number of each category after the infrequent ones became one, which is the last."""
    mapping = encoder._default_to_infrequent_mappings[index] if encoder._infrequent_enabled else None
    return np.arange(len(encoder.categories_[index])) if mapping is None else np.asarray(mapping)


def ordinal_encoder(encoder: Any, columns: Columns, exporter: Exporter) -> Columns:
    """The number of the category; missing and unknown ones have values of their own."""
    parts = []
    for index, column, block in _each(columns):
        categories = encoder.categories_[index]
        values = _grouped(encoder, index).astype(np.float64)
        if index in encoder._missing_indices:
            place = encoder._missing_indices[index]
            # the mapping of infrequent categories leaves the missing one out
            values = np.append(values[:place], float(encoder.encoded_missing_value))
        if encoder.handle_unknown == "error":
            _refuse_unknown(block, categories, column, exporter)
            unknown = np.nan
        else:
            unknown = float(encoder.unknown_value)
        parts.append(_coded(block, categories, np.append(values, unknown)))
    return Columns.of(exporter.graph.concat(parts))


def target_encoder(encoder: Any, columns: Columns, exporter: Exporter) -> Columns:
    """The fitted encoding of the category, the target's mean for an unknown one; a column per class."""
    parts = []
    means = np.atleast_1d(np.asarray(encoder.target_mean_, dtype=np.float64))
    classes = len(means) if encoder.target_type_ == "multiclass" else 1
    for index, _, block in _each(columns):
        for place in range(classes):
            values = np.append(encoder.encodings_[index * classes + place], means[place])
            parts.append(_coded(block, encoder.categories_[index], values))
    return Columns.of(exporter.graph.concat(parts))


def _each(columns: Columns) -> Iterator[tuple[int, Columns, Block]]:
    """Every column with its number and its one block."""
    for index, column in enumerate(columns.each()):
        yield index, column, column.blocks[0]


def _coded(block: Block, categories: NDArray[Any], values: NDArray[np.float64]) -> Tensor:
    """The value of each category, the last one for what is no category: [rows, 1]."""
    size = len(categories)
    return block.tensor.graph.constant(values).take(category_values(block, categories, range(size), size))


def _refuse_unknown(block: Block, categories: NDArray[Any], column: Columns, exporter: Exporter) -> None:
    known = category_values(block, categories, [1] * len(categories), 0)
    exporter.refuse(known.equal(0), column, "unknown category")


TRANSFORMERS: Mapping[str, Transform] = {
    "sklearn.OneHotEncoder": one_hot_encoder,
    "sklearn.OrdinalEncoder": ordinal_encoder,
    "sklearn.TargetEncoder": target_encoder,
}
