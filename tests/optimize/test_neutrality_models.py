"""Random statements with real models, of every back end, give the same with any rules as with none."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

import warehouse_ml as wml
from tests.optimize.shop import make_eager
from tests.optimize.test_neutrality import outcome, statements
from warehouse_ml import optimize

RULES = [rule.__name__ for rule in optimize.RULES]
CHOICES = [(rule,) for rule in RULES] + [(one, two) for one in RULES for two in RULES if one < two] + [RULES]
# none that a version refuses: whether a row that is dropped is scored first, DuckDB does not promise
NUMBERS = st.none() | st.sampled_from([0.0, -0.0, -1.5, 2.0, 40.0, 1e6, float("nan")])
ROWS = st.lists(
    st.tuples(st.integers(0, 3), NUMBERS, NUMBERS, st.sampled_from([None, "x", "y'"])), max_size=8
)
PARTNERS = st.lists(st.tuples(st.none() | st.integers(0, 3), NUMBERS), max_size=4)
RANDOM = np.random.default_rng(0)


def training() -> tuple[pd.DataFrame, Any]:
    rows = pd.DataFrame(RANDOM.integers(-4, 50, size=(400, 2)).astype(float), columns=["a", "b"])
    return rows, rows.a - rows.b + RANDOM.normal(size=400)


@pytest.fixture(scope="module")
def session() -> Iterator[wml.Session]:
    rows, target = training()
    people = pd.DataFrame({"age": rows.a, "plan": RANDOM.choice(["x", "y'", "z"], 400)})
    encoded = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["plan"]), (StandardScaler(), ["age"])
    )
    with wml.connect() as opened:
        trees = HistGradientBoostingRegressor(max_iter=40, max_leaf_nodes=9)
        opened.register("m", trees.fit(rows, target), rows)
        opened.register("one", DecisionTreeRegressor(max_depth=3).fit(rows[["a"]], target), rows[["a"]])
        layers = MLPRegressor(hidden_layer_sizes=(60, 60), max_iter=50, tol=1e9)
        network = make_pipeline(StandardScaler(), layers)
        opened.register("picky", network.fit(rows[["a"]], target), rows[["a"]])
        classes = np.where(people.age > 20, "yes", "no")
        opened.register("churn", make_pipeline(encoded, LogisticRegression()).fit(people, classes), people)
        yield opened


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    make_eager(monkeypatch)


class Run:
    """Rows of a statement as a session gives them."""

    def __init__(self, session: wml.Session) -> None:
        self._session = session

    def execute(self, text: str) -> wml.Result:
        return self._session.sql(text)


def test_every_back_end_is_among_the_models(session: wml.Session) -> None:
    ways = {name: str(session.explain(f"SELECT PREDICT('{name}', {given})")) for name, given in GIVEN.items()}
    assert "back end: trees" in ways["m"]
    assert "inline_scores" in ways["one"]
    assert "inline_scores" in ways["churn"]
    assert "back end: graph" in ways["picky"] or "back end: onnxruntime" in ways["picky"]


GIVEN = {"m": "1.0, 2.0", "one": "1.0", "churn": "30.0, 'x'", "picky": "1.0"}


@settings(max_examples=100, deadline=None)
@given(text=statements(), rules=st.sampled_from(CHOICES), rows=ROWS, partners=PARTNERS)
def test_a_statement_gives_the_same_with_any_rules(
    session: wml.Session, text: str, rules: tuple[str, ...], rows: Any, partners: Any
) -> None:
    session.connection.execute(
        "CREATE OR REPLACE TABLE t (id INTEGER, k INTEGER, a DOUBLE, b FLOAT, g VARCHAR);"
        "CREATE OR REPLACE TABLE u (k INTEGER, c FLOAT)"
    )
    for number, row in enumerate(rows):
        session.connection.execute("INSERT INTO t VALUES (?, ?, ?, ?, ?)", [number, *row])
    for key, value in partners:
        session.connection.execute("INSERT INTO u VALUES (?, ?)", [key, value])
    with session.optimizer.only(*rules):
        found = outcome(Run(session), text)
    with session.optimizer.off():
        expected = outcome(Run(session), text)
    assert rounded(found) == rounded(expected)


def rounded(rows: Any) -> Any:
    """The rows, with texts of numbers rounded: an expression and a graph differ in the last digits."""
    return rows if isinstance(rows, str) else Counter(tuple(map(shortened, row)) for row in rows.elements())


def shortened(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(shortened, value))
    try:
        return f"{float(value):.9g}" if isinstance(value, str) else value
    except ValueError:
        return value
