from functools import cache

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingRegressor,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tests.backends.tree_oracle import (
    assert_same,
    compare,
    exported,
    fed,
    hard,
    planned,
    run_plan,
    ways,
)
from tests.exporters.tree_data import harder, mixed, numbers
from warehouse_ml.backends.read import read_program
from warehouse_ml.backends.trees import tree_plan
from warehouse_ml.import_onnx import read_onnx

NUMBERS = ["number", "positive", "count"]
TEXTS = ["word", "letter"]


@cache
def rows() -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(0)
    size = 300
    frame = pd.DataFrame(
        {
            "number": random.normal(size=size),
            "positive": random.lognormal(size=size),
            "count": random.integers(0, 6, size),
            "word": random.choice(["u", "v", "w", "x"], size).astype(object),
            "letter": random.choice(["p", "q"], size).astype(object),
            "flag": random.random(size) < 0.5,
        }
    )
    frame.loc[::9, "number"] = np.nan
    target = frame.number.fillna(2) + 2 * frame["count"].isin([1, 4]) + 3 * (frame.word == "w")
    return frame, (target + np.log(frame.positive) + frame.flag).to_numpy(float)


def xgb(**settings):
    return xgboost.XGBRegressor(**{"n_estimators": 10, "max_depth": 4, "n_jobs": 1} | settings)


def xgb_classes(**settings):
    return xgboost.XGBClassifier(**{"n_estimators": 10, "max_depth": 3, "n_jobs": 1} | settings)


def lgb(**settings):
    return lightgbm.LGBMRegressor(
        **{"n_estimators": 10, "num_leaves": 9, "n_jobs": 1, "verbose": -1} | settings
    )


def forest():
    return RandomForestRegressor(6, max_depth=5, random_state=0)


def fitted(model, features, target):
    return model.fit(features, target), features


def on_numbers(model, classes=0):
    features, target = numbers()
    if classes:
        target = np.digitize(target, np.quantile(target, np.arange(1, classes) / classes))
    return fitted(model, features, target)


def in_pipeline(model, *steps):
    """A model behind steps on some columns; the other numbers pass through."""
    features, target = rows()
    used = [name for _, names in steps for name in names]
    rest = [name for name in NUMBERS if name not in used]
    chosen = [*used, *rest]
    through = [("passthrough", rest)] if rest else []
    pipeline = make_pipeline(make_column_transformer(*steps, *through), model)
    return fitted(pipeline, features[chosen], target)


ENSEMBLES = {
    "XGBoost": lambda: on_numbers(xgb()),
    "XGBoost, two classes": lambda: on_numbers(xgb_classes(), 2),
    "XGBoost, three classes": lambda: on_numbers(xgb_classes(), 3),
    "XGBoost, dropped trees": lambda: on_numbers(xgb_classes(booster="dart", rate_drop=0.3), 2),
    "XGBoost forest": lambda: on_numbers(xgboost.XGBRFRegressor(n_estimators=10, max_depth=4, n_jobs=1)),
    "LightGBM": lambda: on_numbers(lgb()),
    "LightGBM, three classes": lambda: on_numbers(
        lightgbm.LGBMClassifier(n_estimators=5, num_leaves=5, n_jobs=1, verbose=-1), 3
    ),
    "LightGBM, linear trees": lambda: on_numbers(lgb(linear_tree=True, n_estimators=3)),
    "histogram boosting": lambda: on_numbers(HistGradientBoostingClassifier(max_iter=8), 3),
}


@pytest.mark.parametrize("name", ENSEMBLES)
def test_plan_scores_as_the_graph_with_missing_values_and_infinities(name):
    estimator, features = ENSEMBLES[name]()
    assert ways(assert_same(estimator, features, hard(harder(features)))) == ["fold"]


FORESTS = {
    "tree": lambda: DecisionTreeClassifier(max_depth=5, random_state=0),
    "forest": lambda: RandomForestClassifier(8, max_depth=5, random_state=0),
    "extra trees": lambda: ExtraTreesRegressor(8, max_depth=5, random_state=0),
    "gradient boosting": lambda: GradientBoostingClassifier(n_estimators=8, random_state=0),
    "gradient boosting from a model": lambda: GradientBoostingClassifier(
        n_estimators=4, init=LogisticRegression(max_iter=5000), random_state=0
    ),
    "isolation forest": lambda: IsolationForest(n_estimators=10, random_state=0),
    "AdaBoost": lambda: AdaBoostClassifier(n_estimators=8, random_state=0),
    "AdaBoost, regression": lambda: AdaBoostRegressor(n_estimators=6, random_state=0),
    "bagging": lambda: BaggingRegressor(n_estimators=5, max_features=0.7, random_state=0),
    "voting": lambda: VotingClassifier(
        [("a", RandomForestClassifier(4, max_depth=3)), ("b", DecisionTreeClassifier(max_depth=3))],
        voting="soft",
    ),
    "voting beside neighbours": lambda: VotingClassifier(
        [("a", RandomForestClassifier(4, max_depth=3)), ("b", KNeighborsClassifier(3))], voting="soft"
    ),
    "voting, regression": lambda: VotingRegressor([("a", forest()), ("b", xgb())]),
    "stacking": lambda: StackingRegressor([("a", forest()), ("b", xgb())], final_estimator=forest()),
}


@pytest.mark.parametrize("name", FORESTS)
def test_plan_scores_as_the_graph_of_scikit_learn(name):
    features, target = numbers()
    features = features.fillna(0.5)
    model = FORESTS[name]()
    classes = hasattr(model, "predict_proba") or hasattr(model, "voting")
    model.fit(features, np.digitize(target, [1.0, 3.0]) if classes else target)
    assert set(ways(assert_same(model, features, hard(harder(features), infinite=False)))) == {"fold"}


def test_plan_native_categories_become_codes():
    features, target = mixed()
    for model in (lgb(min_child_samples=5), xgb(enable_categorical=True)):
        plan = assert_same(model.fit(features, target), features, harder(features, unseen=True))
        assert 2 in plan.sums[0].arrays["kinds"]
        assert plan.categories[3] == ("u", "v", "x", "y", "z")


PREPARATIONS = {
    "one-hot": (OneHotEncoder(handle_unknown="ignore"), TEXTS),
    "one-hot, refused": (OneHotEncoder(sparse_output=False), TEXTS),
    "one-hot, infrequent": (
        OneHotEncoder(
            handle_unknown="infrequent_if_exist", min_frequency=75, drop="first", sparse_output=False
        ),
        TEXTS,
    ),
    "ordinal": (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), TEXTS),
    "target": (TargetEncoder(), TEXTS),
    "texts filled": (
        make_pipeline(
            SimpleImputer(strategy="constant", fill_value="?"), OneHotEncoder(handle_unknown="ignore")
        ),
        TEXTS,
    ),
    "imputer": (SimpleImputer(add_indicator=True), NUMBERS),
    "standard scaler": (StandardScaler(), NUMBERS),
    "min-max scaler": (MinMaxScaler(clip=True), NUMBERS),
    "robust scaler": (RobustScaler(), NUMBERS),
    "turned": (FunctionTransformer(np.negative), NUMBERS),
    "binned": (KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf"), ["positive"]),
    "binned, one-hot": (
        KBinsDiscretizer(4, encode="onehot-dense", quantile_method="averaged_inverted_cdf"),
        ["positive"],
    ),
    "binarized": (Binarizer(threshold=0.5), ["positive", "count"]),
    "square": (FunctionTransformer(np.square), ["positive"]),
    "absolute": (FunctionTransformer(np.abs), ["number"]),
    "numbers one-hot": (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["count"]),
    "numbers coded": (TargetEncoder(), ["count"]),
    "flag": ("passthrough", ["flag"]),
}


@pytest.mark.parametrize("model", [xgb, forest], ids=lambda model: model.__name__)
@pytest.mark.parametrize("name", PREPARATIONS)
def test_plan_folds_what_comes_before_the_trees(name, model):
    estimator, features = in_pipeline(model(), PREPARATIONS[name])
    assert ways(assert_same(estimator, features, hard(features, infinite=model is not forest))) == ["fold"]


FUNCTIONS = [np.log1p, np.sqrt, np.expm1, np.exp, np.arcsinh]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_plan_folds_functions(function):
    estimator, features = in_pipeline(xgb(), (FunctionTransformer(function), ["positive"]))
    # beside a cut onnxruntime and numpy may round a logarithm differently
    assert ways(assert_same(estimator, features, hard(features), on_cuts=function is np.sqrt)) == ["fold"]


@pytest.mark.parametrize("rounded", [True, False], ids=["power", "quantile"])
def test_plan_folds_bent_numbers(rounded):
    step = PowerTransformer() if rounded else QuantileTransformer(n_quantiles=20)
    estimator, features = in_pipeline(xgb(), (step, ["positive"]))
    plan = assert_same(estimator, features, hard(features, infinite=False), on_cuts=not rounded)
    assert ways(plan) == ["fold"]


def test_plan_exact_leaves_logarithms_to_the_graph():
    for function, way in ((np.log1p, "before"), (np.log, "before"), (np.sqrt, "fold")):
        estimator, features = in_pipeline(xgb(), (FunctionTransformer(function), ["positive"]))
        assert ways(assert_same(estimator, features, hard(features), exact=True)) == [way]


@pytest.mark.parametrize(
    "steps",
    [
        [(make_pipeline(SimpleImputer(), StandardScaler(), PCA(2)), NUMBERS)],
        [(make_pipeline(SimpleImputer(), PCA(2)), NUMBERS), (OneHotEncoder(handle_unknown="ignore"), TEXTS)],
        [(KNNImputer(), NUMBERS)],
    ],
    ids=["components", "components and texts", "neighbours"],
)
def test_plan_mixed_features_come_from_a_graph(steps):
    estimator, features = in_pipeline(forest(), *steps)
    plan = assert_same(estimator, features, hard(features, infinite=False))
    assert ways(plan) == ["before"]
    assert plan.values == tuple(range(features.shape[1]))


def test_plan_of_words_reads_a_matrix():
    texts = pd.Series(["red sea", "sea wind", "wind sky sky", "red sky"] * 20, name="text")
    target = np.tile([0, 1, 2, 1], 20)
    model = make_pipeline(TfidfVectorizer(), RandomForestClassifier(4, random_state=0)).fit(texts, target)
    made = exported(model, texts)
    plan = planned(made)
    assert plan is not None
    assert ways(plan) == ["before"]
    assert plan.values == (0,)


def test_plan_refusals_of_texts_are_tables():
    estimator, features = in_pipeline(forest(), PREPARATIONS["one-hot, refused"], (SimpleImputer(), NUMBERS))
    plan = assert_same(estimator, features, hard(features, infinite=False))
    assert [(feature, table.tolist()) for feature, table in plan.refusals] == [
        (0, [False] * 4 + [True] * 2),
        (1, [False] * 2 + [True] * 2),
    ]


def test_plan_refusals_are_tables_beside_what_cannot_be_read():
    features, target = rows()
    encoded = make_column_transformer(PREPARATIONS["one-hot, refused"], (SimpleImputer(), NUMBERS))
    members = [("a", RandomForestClassifier(3, max_depth=3)), ("b", KNeighborsClassifier(3))]
    model = make_pipeline(encoded, VotingClassifier(members, voting="soft")).fit(features, target > 2)
    plan = assert_same(model, features, hard(features, infinite=False))
    assert [feature for feature, _ in plan.refusals] == [3, 4]


def test_plan_refusals_of_numbers_stay_in_the_graph():
    estimator, features = in_pipeline(xgb(), (FunctionTransformer(np.log1p), ["positive"]))
    plan = assert_same(estimator, features, hard(features), on_cuts=False)
    assert plan.refusals is None
    assert 0 in plan.values


def test_plan_lists_what_is_read():
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(200, 4)), columns=list("abcd"))
    model = DecisionTreeRegressor(max_depth=3).fit(frame, frame.b * 2 + (frame.d > 0))
    made = exported(model, frame)
    policies = ["null", "model", "model", "model"]
    features = tuple(
        type(f)(f.name, f.type, policy) for f, policy in zip(made.signature.features, policies, strict=True)
    )
    plan = planned(made.with_features(features))
    assert plan is not None
    assert (plan.values, plan.only_null) == ((1, 3), (0,))
    assert (plan.nodes, plan.leaves) == (15, 8)


def test_plan_linear_booster_has_none():
    estimator, features = on_numbers(xgboost.XGBRegressor(booster="gblinear", n_estimators=3, n_jobs=1))
    assert planned(exported(estimator, features)) is None


def test_plan_whole_numbers_beyond_doubles():
    random = np.random.default_rng(0)
    big = 2**60
    frame = pd.DataFrame({"id": big + random.integers(0, 10_000, 300), "x": random.normal(size=300)})
    model = HistGradientBoostingRegressor(max_iter=5).fit(frame, (frame.id - big > 4000) + frame.x)
    plan = assert_same(model, frame)
    assert plan.sums[0].arrays["kinds"].tolist() == [0, 0]


def test_plan_of_an_imported_model():
    from skl2onnx import to_onnx

    features, target = numbers()
    matrix = features.fillna(0).to_numpy(np.float32)
    model = RandomForestRegressor(5, max_depth=4, random_state=0).fit(matrix, target)
    imported = read_onnx(to_onnx(model, matrix[:1]).SerializeToString())
    import onnx

    graph = onnx.load_from_string(imported.onnx)
    plan = tree_plan(graph, read_program(graph), imported.signature)
    assert plan is not None
    assert ways(plan) == ["fold"]
    # onnxruntime adds in float32 in an order of its own
    compare(plan, imported.onnx, imported.signature, hard(features.fillna(0)), rtol=1e-5)


def test_plan_scores_one_row():
    estimator, features = on_numbers(xgb())
    made = exported(estimator, features)
    plan = planned(made)
    results = run_plan(plan, made.signature, fed(made.signature, features[:1]))
    assert [value.shape[0] for value in results.values()] == [1] * len(results)
