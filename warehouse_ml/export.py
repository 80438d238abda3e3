"""Turn a fitted estimator into ONNX bytes and a signature."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.boosters import LightGBMBooster, XGBoostBooster
from warehouse_ml.errors import ExportError, MissingDependencyError, NotFittedError
from warehouse_ml.sample import Sample
from warehouse_ml.signature import METADATA_KEY, Feature, Signature

if TYPE_CHECKING:
    import onnx

    from warehouse_ml.exporters.columns import Marker


@dataclass(frozen=True, slots=True)
class Exported:
    """A model, before its missing-value policies are chosen and proved.

    Attributes:
        graph: The ONNX model.
        signature: Features and results.
    """

    graph: onnx.ModelProto
    signature: Signature

    def with_features(self, features: tuple[Feature, ...]) -> Exported:
        """The same model with other policies."""
        return replace(self, signature=replace(self.signature, features=features))

    def serialize(self) -> bytes:
        """The ONNX file with the signature in its metadata; the same model is the same bytes."""
        model = type(self.graph)()
        model.CopyFrom(self.graph)
        entry = model.metadata_props.add()
        entry.key, entry.value = METADATA_KEY, self.signature.to_json()
        return bytes(model.SerializeToString(deterministic=True))


def export(estimator: Any, sample: Sample, *, outputs: tuple[str, ...] | None = None) -> Exported:
    """Write a fitted estimator as an ONNX graph.

    Args:
        estimator: A fitted estimator of scikit-learn, XGBoost or LightGBM.
        sample: Rows that it can score; they give the types of the features.
        outputs: The names of several outputs; by default y0, y1, … or what the transformer calls them.

    Raises:
        NotFittedError: It has not been fitted.
        UnsupportedStepError: A step has no faithful form in ONNX.
        MissingDependencyError: The training extra is not installed.
    """
    try:
        from warehouse_ml.exporters.columns import Columns
        from warehouse_ml.exporters.exporter import Exporter
        from warehouse_ml.exporters.outputs import name_outputs
    except ModuleNotFoundError as error:
        raise MissingDependencyError(str(error.name), "train") from None
    require_fitted(estimator)
    exporter = Exporter()
    columns = Columns.join(
        exporter.feature(
            index,
            feature.type,
            _categories(sample, index),
            _marker(sample, index),
            feature.unit,
            single=str(sample.frame.dtypes.iloc[index]).lower() == "float32",
        )
        for index, feature in enumerate(sample.features)
    )
    if hasattr(estimator, "predict"):
        named = name_outputs(exporter.predict(estimator, columns), outputs)
    else:
        transformed = exporter.numbers(exporter.transform(estimator, columns))
        named = name_outputs(transformed, outputs or _names_out(estimator))
    tensors = dict(named.tensors)
    if exporter.refusals:
        tensors["refused"] = exporter.graph.concat([rows for rows, _ in exporter.refusals])
    used = exporter.graph.inputs_of(tensors.values())
    signature = Signature(
        task=named.task,
        features=sample.features,
        inputs=tuple(entry for name, entry in exporter.inputs.items() if name in used),
        prediction=named.prediction,
        probabilities=named.probabilities,
        classes=named.classes,
        refusals=tuple(refusal for _, refusal in exporter.refusals),
        row_size=exporter.graph.row_size(tensors.values()),
    )
    return Exported(exporter.graph.build(tensors), signature)


def require_fitted(estimator: Any) -> None:
    """Check that `fit` was called.

    Raises:
        NotFittedError: It was not.
        ExportError: It is no estimator.
    """
    from sklearn.exceptions import NotFittedError as SklearnNotFitted
    from sklearn.utils.validation import check_is_fitted

    if isinstance(estimator, XGBoostBooster | LightGBMBooster):
        return  # made by training
    if isinstance(estimator, type):
        raise NotFittedError(estimator.__name__)
    if not hasattr(estimator, "fit"):
        raise ExportError(
            f"A {type(estimator).__name__} is no estimator of scikit-learn, XGBoost or LightGBM."
        )
    try:
        check_is_fitted(estimator)
    except SklearnNotFitted:
        raise NotFittedError(type(estimator).__name__) from None


def _categories(sample: Sample, index: int) -> NDArray[Any] | None:
    dtype: Any = sample.frame.dtypes.iloc[index]
    categories = getattr(dtype, "categories", None)
    return None if categories is None else np.asarray(categories)


def _marker(sample: Sample, index: int) -> Marker:
    """What the estimator sees where the column lacks a value."""
    import pandas as pd

    column = sample.frame.iloc[:, index]
    dtype: Any = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind == "O":
        marker = sample.markers.get(sample.features[index].name)
        return "none" if marker is None else "na" if marker is pd.NA else "nan"
    if isinstance(dtype, np.dtype) and dtype.kind == "b":
        return "none"  # one missing value makes it a column of objects
    return "na" if isinstance(dtype, pd.StringDtype) and dtype.na_value is pd.NA else "nan"


def _names_out(transformer: Any) -> tuple[str, ...] | None:
    if not hasattr(transformer, "get_feature_names_out"):
        return None
    try:
        return tuple(str(name) for name in transformer.get_feature_names_out())
    except (AttributeError, ValueError):  # a step of the pipeline has no names to give
        return None
