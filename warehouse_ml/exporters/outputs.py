"""Name and type the results of a model: what the graph puts out, and what SQL will call it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.errors import ExportError
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.graph.tensor import Tensor
from warehouse_ml.signature import Output, Task


@dataclass(frozen=True, slots=True)
class NamedOutputs:
    """The results of a model.

    Attributes:
        task: What kind of answer they are.
        tensors: The outputs of the graph by name: `prediction` and `probabilities`, or for several
            classified outputs `prediction_0`, `prediction_1` and so on.
        prediction: The result of PREDICT.
        probabilities: The result of PREDICT_PROBA, or None.
        classes: The classes of a single-output classifier.
    """

    task: Task
    tensors: Mapping[str, Tensor]
    prediction: Output
    probabilities: Output | None = None
    classes: tuple[Any, ...] = ()


def name_outputs(result: Prediction | Tensor, names: Sequence[str] | None = None) -> NamedOutputs:
    """Name what a predictor or a transformer returned.

    Args:
        result: A prediction, or the matrix of a transformer, [rows, columns].
        names: The names of several outputs; by default y0, y1, …
    """
    if isinstance(result, Tensor):
        return _numbers("transformation", result, names)
    if result.value is not None:
        return _numbers(result.task, result.value, names)
    return _labels(result, names)


def unique_names(names: Sequence[str]) -> list[str]:
    """Names that stay apart where case is ignored, as the fields of a STRUCT must: A, a_1, b."""
    seen: set[str] = set()
    unique = []
    for name in names:
        candidate, count = name or "_", 0
        while candidate.casefold() in seen:
            count += 1
            candidate = f"{name or '_'}_{count}"
        seen.add(candidate.casefold())
        unique.append(candidate)
    return unique


def _numbers(task: Task, matrix: Tensor, names: Sequence[str] | None) -> NamedOutputs:
    if matrix.width == 1:
        flat = matrix.cast("float64").reshape(None)
        return NamedOutputs(task, {"prediction": flat}, Output("prediction", "DOUBLE", "prediction"))
    fields = tuple(
        Output(name, "DOUBLE", "prediction", index)
        for index, name in enumerate(_output_names(matrix.width, names))
    )
    tensors = {"prediction": matrix.cast("float64")}
    return NamedOutputs(task, tensors, Output("prediction", "STRUCT", fields=fields))


def _labels(result: Prediction, names: Sequence[str] | None) -> NamedOutputs:
    if result.labels is None:
        raise TypeError("a prediction holds a value or labels")
    tensors: dict[str, Tensor] = {}
    labels: list[Output] = []
    probabilities: list[Output] = []
    single = len(result.classes) == 1
    for index, name in enumerate(_output_names(len(result.classes), names)):
        classes = _plain_classes(result.classes[index])
        suffix = "" if single else f"_{index}"
        places = result.labels.columns([index]).reshape(None)
        tensors[f"prediction{suffix}"] = places.graph.constant(classes).take(places)
        labels.append(Output(name, _type_of(classes), f"prediction{suffix}"))
        if result.probabilities:
            tensors[f"probabilities{suffix}"] = result.probabilities[index].cast("float64")
            # a label that only outliers get has no probability
            proper = classes[: result.probabilities[index].width]
            probabilities.append(_by_class(name, f"probabilities{suffix}", proper, result.multilabel))
    if single:
        known = _plain_classes(result.classes[0]).tolist() if result.task == "classification" else ()
        if result.probabilities:
            known = known[: result.probabilities[0].width]
        proba = probabilities[0] if probabilities else None
        return NamedOutputs(result.task, tensors, labels[0], proba, tuple(known))
    return NamedOutputs(
        result.task,
        tensors,
        Output("prediction", "STRUCT", fields=tuple(labels)),
        Output("probabilities", "STRUCT", fields=tuple(probabilities)) if probabilities else None,
    )


def _by_class(name: str, tensor: str, classes: NDArray[Any], multilabel: bool) -> Output:
    if multilabel:
        return Output(name, "DOUBLE", tensor, 1)
    texts = [str(label).lower() if classes.dtype == bool else str(label) for label in classes.tolist()]
    fields = tuple(Output(text, "DOUBLE", tensor, column) for column, text in enumerate(unique_names(texts)))
    return Output(name, "STRUCT", fields=fields)


def _output_names(count: int, names: Sequence[str] | None) -> list[str]:
    if count == 1:
        return ["prediction"]
    if names is None or len(names) != count:
        names = [f"y{index}" for index in range(count)]
    return unique_names(names)


def _plain_classes(classes: NDArray[Any]) -> NDArray[Any]:
    """Classes as one of the four types that SQL returns: text, boolean, 64-bit integer or double.

    Raises:
        ExportError: They are of another type.
    """
    for value in np.asarray(classes):  # not `tolist`, which makes integers of nanoseconds
        if not _is_plain(value):
            raise ExportError(
                f"The class {value!r} is no text, number of 64 bits or boolean, which SQL could return. "
                "Fit the estimator on labels that are."
            )
    values = np.asarray(classes).tolist()
    if all(isinstance(value, bool) for value in values):
        return np.array(values, dtype=bool)
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return np.array(values, dtype=np.int64)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return np.array(values, dtype=np.float64)
    return np.array([str(value) for value in values], dtype=object)


def _is_plain(label: Any) -> bool:
    if isinstance(label, int | np.integer) and not isinstance(label, np.timedelta64):
        return -(2**63) <= int(label) < 2**63
    return isinstance(label, str | float | np.floating | np.bool_)


def _type_of(classes: NDArray[Any]) -> str:
    return {"b": "BOOLEAN", "i": "BIGINT", "f": "DOUBLE"}.get(classes.dtype.kind, "VARCHAR")
