"""What flows from one step of a pipeline to the next: the columns of a frame or of a matrix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from warehouse_ml.graph.graph import Graph
from warehouse_ml.graph.tensor import Tensor

NULL_TEXT = "\ufdd0NULL"
"""What stands for NULL in a text tensor: ONNX text has no missing value. U+FDD0 is a noncharacter, which
Unicode keeps for such inner uses; the handler writes it, and refuses a value that is equal to it."""


Marker = Literal["nan", "none", "na"]
"""How the estimator's own frame spells a missing value: NaN (and NaT), None, or pandas' NA."""


@dataclass(frozen=True, slots=True)
class Entries:
    """A wide matrix of mostly zeros, by the values that are not: what a text vectorizer makes.

    Attributes:
        places: The columns of each row's values, int64 [rows, entries], each at most once; `width` where
            a row has fewer values than others.
        values: The values, float64 [rows, entries]; 0 where the place is `width`.
        width: The number of columns of the matrix.
    """

    places: Tensor
    values: Tensor
    width: int

    def columns(self) -> Columns:
        """The matrix as columns, sparse as scikit-learn has it."""
        zeros = self.places.full_like_rows(np.zeros(self.width + 1))
        graph = zeros.graph
        filled = graph.op(
            "ScatterElements", zeros, self.places, self.values, dtype="float64", shape=zeros.shape, axis=1
        )
        ends = [graph.constant([number], "int64") for number in (0, self.width, 1)]
        dense = graph.op("Slice", filled, *ends, dtype="float64", shape=(None, self.width))
        return Columns((Block(dense, (None,) * self.width, entries=self),), sparse=True)

    def product(self, weights: NDArray[np.float64]) -> Tensor:
        """The matrix times weights of shape [width, outputs]: [rows, outputs]."""
        padded = np.vstack([weights, np.zeros((1, weights.shape[1]))])
        chosen = self.values.graph.constant(padded).take(self.places)
        product = self.values.expand_dims(1) @ chosen
        return product.reshape(None, weights.shape[1])


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring columns that are one tensor.

    Attributes:
        tensor: Values of shape [rows, k]: float64 (NaN is missing), int64, bool, or string (`NULL_TEXT`
            is missing).
        features: For each of the k columns the position of the model's feature whose untouched value it
            is, or None where it was computed.
        categories: For a pandas category column (k is 1) its categories, in code order.
        marker: What the estimator sees where a value is missing. Some steps treat only one of them as
            missing: `SimpleImputer` leaves None alone unless told otherwise.
        unit: For untouched times: the numpy unit that they are counted in.
        entries: The same values, where most of them are zeros.
    """

    tensor: Tensor
    features: tuple[int | None, ...]
    categories: NDArray[Any] | None = None
    marker: Marker = "nan"
    unit: str | None = None
    entries: Entries | None = None

    def numbers(self) -> Tensor:
        """The values as an array of numbers has them: there NaT is the smallest 64-bit integer."""
        if self.unit is None:
            return self.tensor
        return self.tensor.isnan().where(float(-(2**63)), self.tensor)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that one step hands to the next.

    Attributes:
        blocks: The columns, in order.
        sparse: Whether scikit-learn passes a sparse matrix here. XGBoost takes the zeros of such a
            matrix for missing values.
    """

    blocks: tuple[Block, ...]
    sparse: bool = False

    @classmethod
    def of(cls, tensor: Tensor, *, sparse: bool = False) -> Columns:
        """The columns of one computed tensor of shape [rows, k]."""
        return cls((Block(tensor, (None,) * tensor.width),), sparse)

    @classmethod
    def join(cls, parts: Iterable[Columns], *, sparse: bool = False) -> Columns:
        """The columns of several, side by side."""
        return cls(tuple(block for part in parts for block in part.blocks), sparse)

    @property
    def graph(self) -> Graph:
        """The graph that all of them are in."""
        return self.blocks[0].tensor.graph

    @property
    def width(self) -> int:
        """The number of columns."""
        return sum(len(block.features) for block in self.blocks)

    @property
    def features(self) -> tuple[int | None, ...]:
        """For each column the position of the feature that it is untouched, or None."""
        return tuple(feature for block in self.blocks for feature in block.features)

    def select(self, indices: Sequence[int]) -> Columns:
        """These columns, in this order; neighbours of one block stay one tensor."""
        places = [(block, offset) for block in self.blocks for offset in range(len(block.features))]
        runs: list[tuple[Block, list[int]]] = []
        for index in indices:
            block, offset = places[int(index)]
            if runs and runs[-1][0] is block:
                runs[-1][1].append(offset)
            else:
                runs.append((block, [offset]))
        blocks = tuple(
            replace(
                block,
                tensor=block.tensor.columns(offsets),
                features=tuple(block.features[offset] for offset in offsets),
                entries=block.entries if offsets == list(range(len(block.features))) else None,
            )
            for block, offsets in runs
        )
        return Columns(blocks, self.sparse)

    def each(self) -> tuple[Columns, ...]:
        """Every column on its own."""
        return tuple(self.select([index]) for index in range(self.width))

    def as_array(self) -> Columns:
        """The columns as they are once the frame was made a numpy array: no pandas categories."""
        return Columns(tuple(replace(block, categories=None) for block in self.blocks), self.sparse)

    @property
    def is_text(self) -> bool:
        """Whether any column holds text."""
        return any(block.tensor.dtype == "string" for block in self.blocks)

    def tensor(self) -> Tensor:
        """The one tensor of columns of one type, of shape [rows, width]."""
        return self.graph.concat([block.tensor for block in self.blocks])

    def matrix(self, dtype: str = "float64") -> Tensor:
        """All columns as numbers, of shape [rows, width]. Text is a TypeError: check `is_text` first."""
        if self.is_text:
            raise TypeError("text where numbers are expected")
        return self.graph.concat([block.numbers().cast(dtype) for block in self.blocks])

    def product(self, weights: ArrayLike) -> Tensor:
        """All columns as numbers, times weights of shape [width, outputs]: float64 [rows, outputs].

        Mostly empty columns are multiplied by what they hold only, which vocabularies of a million terms
        need. Text is a TypeError: check `is_text` first.
        """
        matrix = np.asarray(weights, dtype=np.float64)
        if all(block.entries is None for block in self.blocks) or matrix.shape[1] > _MANY_OUTPUTS:
            return self.matrix() @ matrix
        total: Tensor | None = None
        start = 0
        for block in self.blocks:
            stop = start + len(block.features)
            if block.entries is not None:
                part = block.entries.product(matrix[start:stop])
            else:
                part = block.numbers().cast("float64") @ matrix[start:stop]
            total = part if total is None else total + part
            start = stop
        if total is None:
            raise TypeError("no columns")
        return total


_MANY_OUTPUTS = 64
"""From here on the weights of each row's entries take more memory than the matrix itself."""
