"""Converters: what each estimator does, restated as an ONNX graph.

A module holds one family. Its `TRANSFORMERS` and `PREDICTORS` map "library.ClassName" to a converter:

    def converter(estimator, columns: Columns, exporter: Exporter) -> Columns       # TRANSFORMERS
    def converter(estimator, columns: Columns, exporter: Exporter) -> Prediction    # PREDICTORS

A class may stand in both: a pipeline asks for its transform in the middle, for its prediction at the end.

What is no family is what they share. `exporter` walks the estimator, `columns` and `prediction` are what
steps hand on, `outputs` names the results, `public` asks skl2onnx. `trees` is the one value of all tree
ensembles and `tree_graph` writes it. `responses`, `categories`, `inverse`, `tracing`, `distances`,
`neighbor_search` and the like restate a part of scikit-learn that several families need.
"""

FAMILIES: tuple[str, ...] = (
    "compose",
    "scaling",
    "distributions",
    "expansions",
    "encoders",
    "imputers",
    "neighbor_imputers",
    "iterative_imputer",
    "selection",
    "functions",
    "text",
    "linear",
    "discriminant",
    "naive_bayes",
    "svm",
    "neural",
    "neighbors",
    "gaussian_process",
    "cluster",
    "mixture",
    "decomposition",
    "kernels",
    "covariance",
    "semi_supervised",
    "isotonic",
    "dummy",
    "calibration",
    "ensemble",
    "voting",
    "multi",
    "multioutput",
    "target",
    "sklearn_trees",
    "sklearn_boosting",
    "xgboost",
    "lightgbm",
)
"""The modules of this package that hold converters; loaded when something is exported."""
