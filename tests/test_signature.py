import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse_ml.errors import FormatVersionError
from warehouse_ml.signature import TYPES, Feature, GraphInput, Output, Refusal, Signature

names = st.text(max_size=8)
numbers = st.floats(allow_nan=False, allow_infinity=False)
features = st.builds(
    Feature,
    names,
    st.sampled_from(sorted(TYPES)),
    st.sampled_from(["model", "null", "error", "default"]),
    st.none() | numbers | names | st.booleans(),
    st.none() | numbers,
    st.none() | st.sampled_from(["ns", "us", "D"]),
)
leaves = st.builds(
    Output, names, st.sampled_from(sorted(TYPES)), names, st.none() | st.integers(0, 9), st.just(())
)
outputs = st.recursive(
    leaves,
    lambda inner: st.builds(
        lambda name, fields: Output(name, "STRUCT", fields=tuple(fields)), names, st.lists(inner, max_size=3)
    ),
    max_leaves=5,
)
signatures = st.builds(
    Signature,
    st.sampled_from(["regression", "classification"]),
    st.lists(features, max_size=3).map(tuple),
    st.lists(
        st.builds(GraphInput, names, st.integers(0, 3), st.lists(names, max_size=2).map(tuple)), max_size=3
    ).map(tuple),
    outputs,
    st.none() | outputs,
    st.lists(names, max_size=3).map(tuple),
    st.lists(st.builds(Refusal, st.integers(-1, 3), names), max_size=2).map(tuple),
)


@given(signatures)
def test_json_round_trip_keeps_everything(signature: Signature) -> None:
    assert Signature.from_json(signature.to_json()) == signature


def test_newer_format_is_refused() -> None:
    facts = json.loads(_signature(("a", "b")).to_json())
    facts["format_version"] = 99
    with pytest.raises(FormatVersionError, match="format version 99; this warehouse_ml reads up to 1"):
        Signature.from_json(json.dumps(facts))


def test_two_classes_give_the_second_probability() -> None:
    result = _signature(("no", "yes")).result("predict_proba")
    assert result is not None
    assert (result.name, result.sql_type("duckdb")) == ("yes", "DOUBLE")


def test_more_classes_give_a_struct_with_quoted_names() -> None:
    result = _signature(("a", 'b"x', "c d")).result("predict_proba")
    assert result is not None
    assert result.sql_type("duckdb") == 'STRUCT("a" DOUBLE, "b""x" DOUBLE, "c d" DOUBLE)'
    assert result.sql_type("snowflake") == "OBJECT"


def test_a_regressor_has_no_probabilities() -> None:
    signature = Signature("regression", (), (), Output("prediction", "DOUBLE", "prediction"))
    assert signature.result("predict_proba") is None


def _signature(classes: tuple[str, ...]) -> Signature:
    fields = tuple(Output(name, "DOUBLE", "probabilities", i) for i, name in enumerate(classes))
    return Signature(
        "classification",
        (Feature("x", "DOUBLE"),),
        (GraphInput("feature_0", 0),),
        Output("prediction", "VARCHAR", "prediction"),
        Output("prediction", "STRUCT", fields=fields),
        classes,
    )
