"""Walk a fitted estimator and its parts, and write each with the converter of its class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn

from numpy.typing import NDArray

from warehouse_ml.errors import UnsupportedStepError
from warehouse_ml.exporters import FAMILIES
from warehouse_ml.exporters.columns import Block, Columns, Marker
from warehouse_ml.exporters.graph import Graph, Tensor
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.signature import TYPES, GraphInput, Refusal

Transform = Callable[[Any, Columns, "Exporter"], Columns]
Predict = Callable[[Any, Columns, "Exporter"], Prediction]


class Exporter:
    """One export: the graph that grows, where in the estimator we are, and which rows are refused."""

    def __init__(self) -> None:
        """Start with an empty graph."""
        self.graph = Graph()
        self.inputs: dict[str, GraphInput] = {}
        self.refusals: list[tuple[Tensor, Refusal]] = []
        self._path: list[tuple[str, Any]] = []

    def feature(
        self,
        index: int,
        kind: str,
        categories: NDArray[Any] | None = None,
        marker: Marker = "nan",
        unit: str | None = None,
    ) -> Columns:
        """The raw values of a feature, as an input of the graph.

        Args:
            index: The feature's position.
            kind: Its type, a key of `TYPES`.
            categories: The categories of a pandas category column.
            marker: What the estimator sees where a value is missing.
            unit: For TIMESTAMP: the numpy unit that the estimator counts in.
        """
        dtype = {"double": "float64", "string": "string", "int64": "int64"}[TYPES[kind].onnx]
        tensor = self._input(GraphInput(f"feature_{index}", index), dtype)
        block = Block(tensor, (index,), categories, marker, unit)
        return Columns((block,))

    def transformed_text(self, column: Columns, transform: tuple[str, ...]) -> Tensor:
        """The text of one column [rows, 1] after transforms that the handler does before the graph runs.

        Args:
            column: One column of text that no step has changed yet.
            transform: See `GraphInput.transform`.
        """
        index = column.features[0]
        if not transform:
            return column.tensor()
        if index is None:
            self.unsupported(
                f"the text is changed by an earlier step before {' and '.join(transform)}",
                "Put the text step first.",
            )
        name = "_".join((f"feature_{index}", *transform))
        return self._input(GraphInput(name, index, transform), "string")

    def _input(self, entry: GraphInput, dtype: str) -> Tensor:
        if entry.name not in self.inputs:
            self.inputs[entry.name] = entry
            self.graph.input(entry.name, dtype)
        return self.graph.inputs[entry.name]

    def transform(self, estimator: Any, columns: Columns, step: str = "") -> Columns:
        """What `estimator.transform` makes of the columns.

        Raises:
            UnsupportedStepError: Its class, or a setting of it, has no faithful form in ONNX.
        """
        with self._at(step, estimator):
            converter = _find(_tables()[0], estimator)
            if converter is None:
                self.unsupported("there is no converter for its transform")
            result: Columns = converter(estimator, columns, self)
            return result

    def predict(self, estimator: Any, columns: Columns, step: str = "") -> Prediction:
        """What `estimator.predict` and its relatives make of the columns.

        Raises:
            UnsupportedStepError: Its class, or a setting of it, has no faithful form in ONNX.
        """
        with self._at(step, estimator):
            converter = _find(_tables()[1], estimator)
            if converter is None:
                self.unsupported("there is no converter for its predict")
            result: Prediction = converter(estimator, columns, self)
            return result

    def numbers(self, columns: Columns, dtype: str = "float64") -> Tensor:
        """The columns as one matrix of numbers, [rows, width].

        Raises:
            UnsupportedStepError: One of them is text.
        """
        if columns.is_text:
            self.unsupported("it is fed with text where it computes with numbers", "Encode the text first.")
        return columns.matrix(dtype)

    def refuse(self, rows: Tensor, columns: Columns, reason: str) -> None:
        """State that the estimator raises for some rows.

        Args:
            rows: A bool tensor [rows, 1] that is true for these rows.
            columns: The one column that is to blame.
            reason: Why: `unknown category`.
        """
        feature = columns.features[0]
        self.refusals.append((rows, Refusal(-1 if feature is None else feature, reason)))

    def unsupported(self, reason: str, advice: str = "") -> NoReturn:
        """Refuse the step that is being exported.

        Args:
            reason: A clause that says what cannot be done.
            advice: A sentence that says what can be done instead.

        Raises:
            UnsupportedStepError: Always; it names the step.
        """
        step = ".".join(name for name, _ in self._path if name)
        estimator = self._path[-1][1] if self._path else None
        raise UnsupportedStepError(step, type(estimator).__name__, reason, advice)

    @contextmanager
    def _at(self, step: str, estimator: Any) -> Iterator[None]:
        self._path.append((step, estimator))
        try:
            yield
        finally:
            self._path.pop()


@cache
def _tables() -> tuple[Mapping[str, Transform], Mapping[str, Predict]]:
    transformers: dict[str, Transform] = {}
    predictors: dict[str, Predict] = {}
    for family in FAMILIES:
        module: ModuleType = import_module(f"warehouse_ml.exporters.{family}")
        transformers.update(getattr(module, "TRANSFORMERS", {}))
        predictors.update(getattr(module, "PREDICTORS", {}))
    return transformers, predictors


def _find(table: Mapping[str, Any], estimator: Any) -> Any:
    for cls in type(estimator).__mro__:
        converter = table.get(f"{cls.__module__.partition('.')[0]}.{cls.__name__}")
        if converter is not None:
            return converter
    return None
