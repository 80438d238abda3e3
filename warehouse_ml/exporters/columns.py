"""What flows from one step of a pipeline to the next: the columns of a frame or of a matrix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from numpy.typing import NDArray

from warehouse_ml.exporters.graph import Graph, Tensor

NULL_TEXT = "\ufdd0NULL"
"""What stands for NULL in a text tensor: ONNX text has no missing value. U+FDD0 is a noncharacter, which
Unicode keeps for such inner uses; the handler writes it, and refuses a value that is equal to it."""


Marker = Literal["nan", "none", "na"]
"""How the estimator's own frame spells a missing value: NaN (and NaT), None, or pandas' NA."""


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
    """

    tensor: Tensor
    features: tuple[int | None, ...]
    categories: NDArray[Any] | None = None
    marker: Marker = "nan"
    unit: str | None = None


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
        return self.graph.concat([block.tensor.cast(dtype) for block in self.blocks])
