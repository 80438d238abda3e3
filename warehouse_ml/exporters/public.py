"""Estimators of other libraries: by the converter that their author registered with skl2onnx.

scikit-learn, XGBoost and LightGBM never come here: skl2onnx computes them in float32, and what it gets wrong
it gets wrong silently. For the rest it is the place where authors register converters, and the parity gate
decides whether the result may be used.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.graph.graph import OPSETS
from warehouse_ml.graph.tensor import Tensor

TIME_LIMIT = 60.0
"""Seconds that a converter may take: one is known to loop for ever."""


class _TimeLimitExceededError(BaseException):
    """Raised inside a conversion that takes too long; no converter may catch it by accident."""


def public_transform(transformer: Any, columns: Columns, exporter: Exporter) -> Columns:
    """What a registered converter makes of a transformer."""
    (matrix,) = _converted(transformer, columns, exporter)
    if matrix.shape is None:
        probe = np.zeros((1, columns.width))
        matrix = matrix.reshape(None, int(np.asarray(transformer.transform(probe)).shape[1]))
    return Columns.of(matrix.cast("float64"))


def public_predict(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """What a registered converter makes of a predictor."""
    outputs = _converted(model, columns, exporter)
    if not hasattr(model, "classes_"):
        return Prediction.regression(outputs[0].cast("float64").reshape(None, 1))
    classes = np.asarray(model.classes_)
    label = outputs[0].reshape(None, 1)
    if label.dtype == "string":
        places = label.lookup([str(name) for name in classes], range(len(classes)))
    else:
        places = label.cast("float64").equal(classes.astype(np.float64).reshape(1, -1)).cast("int64").argmax()
    probabilities = None
    if len(outputs) > 1 and hasattr(model, "predict_proba"):
        probabilities = outputs[1].cast("float64").reshape(None, len(classes))
    return Prediction.classification(classes, labels=places, probabilities=probabilities)


def _converted(estimator: Any, columns: Columns, exporter: Exporter) -> list[Tensor]:
    try:
        from skl2onnx import convert_sklearn
        from skl2onnx._supported_operators import sklearn_operator_name_map
        from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
    except ModuleNotFoundError:
        exporter.unsupported("there is no converter for it")
    if type(estimator) not in sklearn_operator_name_map:
        exporter.unsupported(
            "there is no converter for it",
            "Register one with skl2onnx.update_registered_converter, or leave it out.",
        )
    matrix = exporter.numbers(columns)
    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "classes_") else None
    reason = ""
    for dtype, kind in (("float64", DoubleTensorType), ("float32", FloatTensorType)):

        def convert(kind: Any = kind) -> Any:
            return convert_sklearn(
                estimator,
                initial_types=[("X", kind([None, matrix.width]))],
                target_opset={"": OPSETS[""], "ai.onnx.ml": OPSETS["ai.onnx.ml"]},
                options=options,
            )

        try:
            model = within_time(convert, TIME_LIMIT)
        except TimeoutError:
            exporter.unsupported(f"its public converter did not end within {TIME_LIMIT:g} s")
        except (RuntimeError, NotImplementedError, ValueError, TypeError, NameError) as error:
            reason = str(error).strip().partition("\n")[0]
            continue
        return list(exporter.graph.merge(model, {"X": matrix.cast(dtype)}).values())
    exporter.unsupported(f"its public converter failed: {reason}")


def within_time(work: Callable[[], Any], seconds: float) -> Any:
    """Run pure Python work, and end it when it takes too long.

    Args:
        work: What to run; it runs in a thread of its own.
        seconds: How long it may take.

    Raises:
        TimeoutError: It took longer, and was ended.
    """
    result: list[Any] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            result.append(work())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, daemon=True, name="warehouse_ml converter")
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        # CPython's own way to end a thread: the exception is raised at its next bytecode
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_TimeLimitExceededError)
        )
        thread.join(5.0)
        raise TimeoutError
    if failure:
        raise failure[0]
    return result[0]
