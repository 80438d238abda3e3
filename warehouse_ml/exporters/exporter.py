"""Walk a fitted estimator and its parts, and write each with the converter of its class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn

from numpy.typing import ArrayLike, NDArray
from sklearn.utils import get_tags

from warehouse_ml.errors import UnsupportedStepError
from warehouse_ml.exporters import FAMILIES
from warehouse_ml.exporters.columns import Block, Columns, Marker
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.graph.graph import Graph
from warehouse_ml.graph.tensor import Shape, Tensor
from warehouse_ml.signature import TYPES, GraphInput, Refusal

_LIBRARIES = ("sklearn", "xgboost", "lightgbm")

_PARTIAL = ("FunctionTransformer", "PowerTransformer")
"""Steps that are not defined for every number: the logarithm of a negative one."""

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
        self._undefined = False

    def feature(
        self,
        index: int,
        kind: str,
        categories: NDArray[Any] | None = None,
        marker: Marker = "nan",
        unit: str | None = None,
        single: bool = False,
    ) -> Columns:
        """The raw values of a feature, as an input of the graph.

        Args:
            index: The feature's position.
            kind: Its type, a key of `TYPES`.
            categories: The categories of a pandas category column.
            marker: What the estimator sees where a value is missing.
            unit: For TIMESTAMP: the numpy unit that the estimator counts in.
            single: Whether the estimator's frame holds float32, which rounds the values.
        """
        dtype = {"double": "float64", "string": "string", "int64": "int64"}[TYPES[kind].onnx]
        tensor = self._input(GraphInput(f"feature_{index}", index), dtype)
        if single:
            tensor = tensor.cast("float32").cast("float64")
        block = Block(tensor, (index,), categories, marker, unit)
        return Columns((block,))

    def terms(
        self, column: Columns, transform: tuple[str, ...], settings: str, dtype: str
    ) -> tuple[Tensor, Tensor]:
        """The different terms of each text, and how often each occurs, both [rows, terms].

        Args:
            column: One column of text that no step has changed yet.
            transform: See `GraphInput.transform`.
            settings: What the handler's `Analyzer` is told, as JSON.
            dtype: `string`; or `int64` where the terms are hashed.

        Returns:
            The terms, padded with NULL_TEXT or the number of hashed features, and the counts as float64,
            padded with 0.
        """
        index = column.features[0]
        if index is None:
            self.unsupported("its text is changed by an earlier step", "Put the text step first.")
        stem = f"feature_{index}_{sha256(repr((transform, settings)).encode()).hexdigest()[:8]}"
        terms = GraphInput(f"{stem}_terms", index, (*transform, f"terms:{settings}"))
        counts = GraphInput(f"{stem}_counts", index, (*transform, f"counts:{settings}"))
        shape = (None, None)
        return self._input(terms, dtype, shape), self._input(counts, "float64", shape)

    def _input(self, entry: GraphInput, dtype: str, shape: Shape = (None, 1)) -> Tensor:
        if entry.name not in self.inputs:
            self.inputs[entry.name] = entry
            self.graph.input(entry.name, dtype, shape)
        return self.graph.inputs[entry.name]

    def transform(self, estimator: Any, columns: Columns, step: str = "") -> Columns:
        """What `estimator.transform` makes of the columns.

        Raises:
            UnsupportedStepError: Its class, or a setting of it, has no faithful form in ONNX.
        """
        with self._at(step, estimator):
            converter = _find(_tables()[0], estimator)
            if converter is None:
                converter = self._public(estimator, "transform")
            result: Columns = converter(estimator, columns, self)
            identity = getattr(estimator, "func", estimator) is None  # what a passed column goes through
            self._undefined |= type(estimator).__name__ in _PARTIAL and not identity
            return result

    def predict(self, estimator: Any, columns: Columns, step: str = "") -> Prediction:
        """What `estimator.predict` and its relatives make of the columns.

        Raises:
            UnsupportedStepError: Its class, or a setting of it, has no faithful form in ONNX.
        """
        with self._at(step, estimator):
            converter = _find(_tables()[1], estimator)
            if converter is None:
                converter = self._public(estimator, "predict")
            if self._undefined and not hasattr(estimator, "steps"):
                self._refuse_undefined(estimator, columns)
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

    def product(self, columns: Columns, weights: ArrayLike) -> Tensor:
        """The columns as numbers, times weights of shape [width, outputs]: float64 [rows, outputs].

        Raises:
            UnsupportedStepError: One of them is text.
        """
        if columns.is_text:
            self.numbers(columns)
        return columns.product(weights)

    def refuse(self, rows: Tensor, columns: Columns, reason: str, *, stricter: bool = False) -> None:
        """State that the estimator raises for some rows.

        Args:
            rows: A bool tensor [rows, 1] that is true for these rows.
            columns: The one column that is to blame.
            reason: Why: `unknown category`.
            stricter: See `Refusal.stricter`.
        """
        feature = columns.features[0]
        self.refusals.append((rows, Refusal(-1 if feature is None else feature, reason, stricter)))

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

    def _refuse_undefined(self, estimator: Any, columns: Columns) -> None:
        """State that a predictor raises for what an earlier step left undefined: log(-1), 1/0."""
        allows_nan = get_tags(estimator).input_tags.allow_nan
        numbers = [
            Columns((block,)).matrix() for block in columns.blocks if block.tensor.dtype.startswith("float")
        ]
        if not numbers or (allows_nan and not type(estimator).__module__.startswith("xgboost")):
            return
        matrix = self.graph.concat(numbers)
        # 0 * x is 0, or NaN where x is not finite
        marks = matrix.isnan().where(0.0, matrix * 0.0) if allows_nan else matrix * 0.0
        self.refusals.append((marks.sum(1).isnan(), Refusal(-1, "a step made a value infinite or undefined")))

    def _public(self, estimator: Any, method: str) -> Any:
        """The converter for an estimator of a library that is not one of ours."""
        from warehouse_ml.exporters import public

        if type(estimator).__module__.partition(".")[0] in _LIBRARIES:
            self.unsupported(f"there is no converter for its {method}")
        return public.public_transform if method == "transform" else public.public_predict

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
