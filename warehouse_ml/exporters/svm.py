"""Support vector machines with kernels, as LIBSVM computes them.

Source: `svm_predict_values` and `svm_predict_probability` of LIBSVM's svm.cpp, as scikit-learn ships it.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Predict
from warehouse_ml.exporters.pairwise_coupling import coupled_probabilities
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.graph.tensor import Tensor


def support_vector_regression(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The kernel with each support vector, weighted, plus the intercept."""
    return Prediction.regression(_decisions(model, columns, exporter))


def one_class(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """Inliers have a decision above zero."""
    decision = _decisions(model, columns, exporter)
    return Prediction.outliers(decision, decision > 0.0)


def support_vector_classifier(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The class with the most votes of the pairs; of equals the first one."""
    classes = len(model.classes_)
    raw = _decisions(model, columns, exporter)
    pairs = np.array(list(combinations(range(classes), 2)))
    first, second = np.eye(classes)[pairs[:, 0]], np.eye(classes)[pairs[:, 1]]
    won = (raw > 0.0).cast("float64")
    labels = (won @ (first - second) + second.sum(axis=0)).argmax()
    decision = raw
    if classes == 2:
        decision = -raw
    elif model.decision_function_shape == "ovr":
        # scikit-learn adds the votes to the sums of the decisions, pressed below a third
        votes = (raw < 0.0).cast("float64") @ (second - first) + first.sum(axis=0)
        confidence = raw @ (first - second)
        decision = votes + confidence / ((abs(confidence) + 1.0) * 3.0)
        if model.break_ties:
            labels = decision.argmax()
    probabilities = None
    if hasattr(model, "predict_proba"):
        pairwise = (-(raw * model._probA + model._probB)).sigmoid().clip(1e-7, 1.0 - 1e-7)
        probabilities = coupled_probabilities(pairwise, classes)
    return Prediction.classification(
        model.classes_, labels=labels, probabilities=probabilities, decision=decision
    )


def _decisions(model: Any, columns: Columns, exporter: Exporter) -> Tensor:
    """LIBSVM's own decision values, one column for each pair of classes."""
    if callable(model.kernel) or model.kernel == "precomputed":
        exporter.unsupported(
            "its kernel is computed outside of it", "Use the kernel 'linear', 'poly', 'rbf' or 'sigmoid'."
        )
    vectors, coefficients = _dense(model.support_vectors_), _weights(model)
    intercept = np.asarray(model._intercept_, dtype=np.float64)
    if model.kernel == "linear" or len(vectors) == 0:
        return exporter.product(columns, vectors.T @ coefficients) + intercept
    if model.kernel == "rbf":
        kernel = _radial(exporter.numbers(columns), vectors, float(model._gamma))
    else:
        affine = exporter.product(columns, vectors.T) * float(model._gamma) + float(model.coef0)
        kernel = affine.tanh() if model.kernel == "sigmoid" else _power(affine, int(model.degree))
    return kernel @ coefficients + intercept


def _radial(values: Tensor, vectors: NDArray[np.float64], gamma: float) -> Tensor:
    """exp(-gamma * |x - v|²), by way of x² - 2xv + v².

    Differences of every row with every vector would take too much memory. About the centre of the vectors
    the expansion loses nothing that matters: what cancels is of the size of the distances themselves.
    """
    centre = vectors.mean(axis=0)
    shifted = vectors - centre
    far = 1e140  # its square is finite, and any kernel is 0 there
    moved = (values - centre).clip(-far, far)
    squares: Tensor = (moved * moved).sum() - (moved @ shifted.T) * 2.0 + (shifted * shifted).sum(axis=1)
    return (squares.clip(0.0) * -gamma).exp()


def _power(base: Tensor, exponent: int) -> Tensor:
    """A whole power, multiplied as LIBSVM multiplies it."""
    result: Tensor | None = None
    while exponent > 0:
        if exponent % 2:
            result = base if result is None else result * base
        exponent //= 2
        base = base * base
    return base * 0.0 + 1.0 if result is None else result


def _weights(model: Any) -> NDArray[np.float64]:
    """The weight of each support vector in each decision, [vectors, decisions]."""
    dual = _dense(model._dual_coef_)
    if not hasattr(model, "classes_"):
        return dual.T
    ends = np.cumsum(model._n_support)
    starts = ends - model._n_support
    columns = []
    for first, second in combinations(range(len(model.classes_)), 2):
        column = np.zeros(dual.shape[1])
        of_first, of_second = slice(starts[first], ends[first]), slice(starts[second], ends[second])
        column[of_first] = dual[second - 1, of_first]
        column[of_second] = dual[first, of_second]
        columns.append(column)
    return np.column_stack(columns)


def _dense(matrix: Any) -> NDArray[np.float64]:
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix, dtype=np.float64)


PREDICTORS: Mapping[str, Predict] = {
    "sklearn.SVC": support_vector_classifier,
    "sklearn.NuSVC": support_vector_classifier,
    "sklearn.SVR": support_vector_regression,
    "sklearn.NuSVR": support_vector_regression,
    "sklearn.OneClassSVM": one_class,
}
