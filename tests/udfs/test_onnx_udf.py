import json
from typing import Any

import numpy as np
import onnx.parser
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.handlers import NULL_TEXT, Scorer, ScoringError
from warehouse_ml.signature import Feature, GraphInput, Output, Refusal, Signature

IDENTITY = """
<ir_version: 8, opset_import: ["" : 15]>
g (double[n, 1] x) => (double[n] prediction) { s = Constant<value_ints=[-1]>() prediction = Reshape(x, s) }
"""
ECHO = """
<ir_version: 8, opset_import: ["" : 15]>
g (string[n, 1] x) => (string[n] prediction) { s = Constant<value_ints=[-1]>() prediction = Reshape(x, s) }
"""
REFUSING = """
<ir_version: 8, opset_import: ["" : 15]>
g (double[n, 1] x) => (double[n] prediction, bool[n, 1] refused) {
  s = Constant<value_ints=[-1]>()
  zero = Constant<value = double[1] {0.0}>()
  refused = Less(x, zero)
  prediction = Reshape(x, s)
}
"""


def scorer(graph: str, feature: Feature, *, kind: str = "DOUBLE", transform=(), refusals=()) -> Scorer:
    signature = Signature(
        "regression",
        (feature,),
        (GraphInput("x", 0, tuple(transform)),),
        Output("prediction", kind, "prediction"),
        refusals=tuple(refusals),
    )
    model = onnx.parser.parse_model(graph)
    return Scorer(model.SerializeToString(), json.loads(signature.to_json()))


def run(made: Scorer, values: Any, missing: Any = None, method: str = "predict") -> list[Any]:
    found, null = made.score([(np.array(values), None if missing is None else np.array(missing))], method)[0]
    return [
        None if gone else value
        for value, gone in zip(found.tolist(), [False] * len(values) if null is None else null, strict=True)
    ]


@pytest.mark.parametrize(
    ("calculation", "expected"),
    [
        ("Add(same, tiny)", np.add(0.0, 1e-60)),
        ("Sub(same, tiny)", np.subtract(0.0, 1e-60)),
        ("Mul(cosine, nearly)", np.multiply(1.0, 1.000000001)),
        ("Div(cosine, nearly)", np.divide(1.0, 1.000000001)),
    ],
)
def test_no_constant_is_rounded_away(calculation: str, expected: float) -> None:
    graph = f"""
    <ir_version: 8, opset_import: ["" : 15]> g (double[n, 1] x) => (double[n] prediction) {{
      s = Constant<value_ints=[-1]>()
      tiny = Constant<value = double[1] {{1e-60}}>()
      nearly = Constant<value = double[1] {{1.000000001}}>()
      same = Neg(x)
      cosine = Cos(x)
      result = {calculation}
      prediction = Reshape(result, s)
    }}
    """
    assert run(scorer(graph, Feature("x", "DOUBLE", "null")), [0.0]) == [expected]


def test_a_product_with_a_reciprocal_is_rounded_twice() -> None:
    graph = """
    <ir_version: 8, opset_import: ["" : 15]> g (double[n, 1] x) => (double[n] prediction) {
      s = Constant<value_ints=[-1]>()
      one = Constant<value = double[1] {1.0}>()
      share = Div(one, x)
      root = Sqrt(x)
      result = Mul(share, root)
      prediction = Reshape(result, s)
    }
    """
    rows = np.arange(1.0, 100.0)
    assert run(scorer(graph, Feature("x", "DOUBLE", "null")), rows) == (1.0 / rows * np.sqrt(rows)).tolist()


def test_policy_null_gives_null() -> None:
    made = scorer(IDENTITY, Feature("x", "DOUBLE", "null"))
    assert run(made, [1.0, 2.0, np.nan], [False, True, False]) == [1.0, None, None]


def test_policy_model_hands_nan_to_the_graph() -> None:
    assert run(scorer(IDENTITY, Feature("x", "DOUBLE", "model")), [1.0, np.nan]) == [1.0, None]


def test_policy_default_puts_the_value_in_place() -> None:
    made = scorer(IDENTITY, Feature("x", "DOUBLE", "default", default=7.0))
    assert run(made, [1.0, np.nan]) == [1.0, 7.0]


def test_policy_error_names_the_feature() -> None:
    made = scorer(IDENTITY, Feature("x", "DOUBLE", "error"))
    with pytest.raises(ScoringError, match="'x' is NULL, and the model's policy for it is 'error'"):
        run(made, [np.nan])
    assert run(made, [np.nan, 2.0], method="try_predict") == [None, 2.0]


def test_values_beyond_the_limit_are_refused() -> None:
    made = scorer(IDENTITY, Feature("x", "DOUBLE", "null", limit=10.0))
    with pytest.raises(ScoringError, match=r"refuses -11.0 for the feature 'x': its magnitude is beyond 10"):
        run(made, [10.0, -11.0])
    assert run(made, [10.0, -11.0, np.nan], method="try_predict") == [10.0, None, None]


def test_refused_rows_name_value_and_feature() -> None:
    made = scorer(REFUSING, Feature("x", "DOUBLE"), refusals=[Refusal(0, "negative")])
    with pytest.raises(ScoringError, match=r"refuses -2.0 for the feature 'x': negative"):
        run(made, [1.0, -2.0])
    assert run(made, [1.0, -2.0], method="try_predict") == [1.0, None]


def test_a_null_row_is_not_refused() -> None:
    made = scorer(REFUSING, Feature("x", "DOUBLE"), refusals=[Refusal(0, "negative")])
    assert run(made, [-1.0, 1.0], [True, False]) == [None, 1.0]


def test_a_refusal_of_a_computed_value_has_no_feature() -> None:
    made = scorer(REFUSING, Feature("x", "DOUBLE"), refusals=[Refusal(-1, "negative")])
    with pytest.raises(ScoringError, match="The model refuses a row: negative"):
        run(made, [-2.0])


@pytest.mark.parametrize(
    ("transform", "text", "expected"),
    [
        (["lower"], "ÀB İ", "àb i̇"),
        (["strip_accents_unicode"], "Été", "Ete"),
        (["strip_accents_ascii"], "Été ß", "Ete "),
        (["strip_accents_unicode", "lower"], "ÉTÉ", "ete"),
    ],
)
def test_text_is_transformed(transform: list[str], text: str, expected: str) -> None:
    made = scorer(ECHO, Feature("x", "VARCHAR"), kind="VARCHAR", transform=transform)
    assert run(made, np.array([text], dtype=object)) == [expected]


def test_missing_text_reaches_the_graph_as_the_marker() -> None:
    made = scorer(ECHO, Feature("x", "VARCHAR", "model"), kind="VARCHAR", transform=["lower"])
    assert run(made, np.array(["A", None], dtype=object), [False, True]) == ["a", NULL_TEXT]


def test_the_marker_as_a_value_is_refused() -> None:
    made = scorer(ECHO, Feature("x", "VARCHAR"), kind="VARCHAR")
    with pytest.raises(ScoringError, match="text that is kept for NULL"):
        run(made, np.array([NULL_TEXT], dtype=object))


@pytest.mark.parametrize("kind", ["DOUBLE", "VARCHAR"])
def test_no_rows_give_no_rows(kind: str) -> None:
    made = scorer(IDENTITY if kind == "DOUBLE" else ECHO, Feature("x", kind), kind=kind)
    assert run(made, []) == []


@given(st.datetimes(), st.sampled_from(["ns", "us", "ms", "s", "D"]))
def test_times_count_in_the_units_that_numpy_counts_in(when, unit: str) -> None:
    made = scorer(IDENTITY, Feature("x", "TIMESTAMP", unit=unit))
    micros = np.datetime64(when, "us")
    assume(unit != "ns" or 1700 < when.year < 2250)
    expected = float(micros.astype(f"datetime64[{unit}]").astype(np.int64))
    assert run(made, [micros.astype(np.int64)]) == [expected]
