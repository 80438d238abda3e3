"""scikit-learn's histogram gradient boosting: doubles throughout, missing values and native categories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.exporters.category_codes import category_codes
from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Predict
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.exporters.tree_graph import apply_link, tree_outputs, tree_sums
from warehouse_ml.exporters.trees import CategorySet, Link, Tree, TreeEnsemble


def regressor(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The baseline plus the leaves, exponentiated for the losses poisson and gamma."""
    link: Link = "exp" if model.loss in ("poisson", "gamma") else "identity"
    coded = _preprocessed(model, columns, exporter)
    return Prediction.regression(tree_outputs(_ensemble(model, link), coded, exporter))


def classifier(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """Sums as logits; two classes share a sum, and 0 is the first one."""
    if len(model.classes_) == 1:  # its probabilities have two columns nevertheless
        exporter.unsupported("it has seen one class only", "Train it on two classes or more.")
    ensemble = _ensemble(model, "sigmoid" if model.n_trees_per_iteration_ == 1 else "softmax")
    sums = tree_sums(ensemble, _preprocessed(model, columns, exporter), exporter)
    results = apply_link(ensemble, sums)
    if results.width == 1:
        results = exporter.graph.concat([1.0 - results, results])
    return Prediction.classification(model.classes_, probabilities=results, decision=sums)


def _preprocessed(model: Any, columns: Columns, exporter: Exporter) -> Columns:
    """Categories first, as codes in the order of its OrdinalEncoder, then the other columns."""
    if model._preprocessor is None:
        return columns
    places = model._preprocessor._transformer_to_input_indices
    encoder = model._preprocessor.named_transformers_["encoder"]
    codes = [
        Columns.of(category_codes(columns.select([place]).blocks[0], _known(categories), exporter))
        for place, categories in zip(places["encoder"], encoder.categories_, strict=True)
    ]
    return Columns.join([*codes, columns.select(list(places["numerical"]))])


def _known(categories: NDArray[Any]) -> NDArray[Any]:
    """Without the missing value, which stands last and is encoded as missing."""
    known = [category for category in categories.tolist() if category is not None and category == category]
    return np.array(known, object if any(isinstance(category, str) for category in known) else None)


def _ensemble(model: Any, link: Link) -> TreeEnsemble:
    known, place_of = model._bin_mapper.make_known_categories_bitsets()
    trees = [
        _tree(predictor, output, known, place_of)
        for stage in model._predictors
        for output, predictor in enumerate(stage)
    ]
    return TreeEnsemble.of(
        trees,
        features=int(model.n_features_in_),
        base=np.asarray(model._baseline_prediction, np.float64).ravel(),
        comparison="<=",
        precision="float64",
        link=link,
    )


def _tree(predictor: Any, output: int, known: NDArray[Any], place_of: NDArray[Any]) -> Tree:
    nodes = predictor.nodes
    is_leaf = nodes["is_leaf"].astype(bool)
    missing_left = nodes["missing_go_to_left"].astype(bool)
    categories: list[CategorySet | None] = [None] * len(nodes)
    for node in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~is_leaf):
        left = _bits(predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]])
        seen = _bits(known[place_of[nodes["feature_idx"][node]]])
        goes_left = left | (~seen & missing_left[node])  # an unknown category counts as missing
        categories[node] = CategorySet(tuple(goes_left.tolist()), bool(missing_left[node]))
    return Tree(
        feature=np.where(is_leaf, -1, nodes["feature_idx"]),
        threshold=nodes["num_threshold"],
        left=nodes["left"],
        right=nodes["right"],
        missing_left=missing_left,
        values=nodes["value"].reshape(-1, 1),
        output=output,
        categories=categories if any(categories) else (),
    )


def _bits(words: NDArray[Any]) -> NDArray[np.bool_]:
    """The 256 bits of a bit set of eight 32-bit words, lowest first."""
    return np.unpackbits(words.astype("<u4").view(np.uint8), bitorder="little").astype(bool)


PREDICTORS: Mapping[str, Predict] = {
    "sklearn.HistGradientBoostingClassifier": classifier,
    "sklearn.HistGradientBoostingRegressor": regressor,
}
