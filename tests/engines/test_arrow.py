import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse_ml.engines.arrow import ARROW_TYPES, arrow_type, from_arrow, leaves_of, to_arrow
from warehouse_ml.signature import Output

VALUES = {
    "DOUBLE": st.floats(allow_nan=False),
    "BIGINT": st.integers(-(2**63), 2**63 - 1),
    "BOOLEAN": st.booleans(),
    "VARCHAR": st.text(st.characters(exclude_categories=["Cs"])),
    "TIMESTAMP": st.integers(-(2**62), 2**62),
}


@pytest.mark.parametrize("kind", VALUES)
@given(data=st.data(), split=st.integers(0, 3))
def test_values_come_back_as_they_went(kind, data, split):
    values = data.draw(st.lists(st.none() | VALUES[kind], max_size=6))
    whole = pa.array(values, pa.int64() if kind == "TIMESTAMP" else ARROW_TYPES[kind]).cast(ARROW_TYPES[kind])
    chunks = pa.chunked_array([whole[:split], whole[split:]])
    column = from_arrow(chunks, kind)
    assert to_arrow([column], Output("p", kind)).equals(whole)


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        ("DOUBLE", "float64"),
        ("BIGINT", "int64"),
        ("BOOLEAN", "bool"),
        ("VARCHAR", "object"),
        ("TIMESTAMP", "int64"),
    ],
)
@pytest.mark.parametrize("values", [[], [None]])
def test_handlers_always_get_the_same_dtype(kind, dtype, values):
    column, missing = from_arrow(pa.array(values, ARROW_TYPES[kind]), kind)
    assert column.dtype == dtype
    assert (missing is None) == (values == [])


def test_other_encodings_of_text_are_read():
    for encoding in (pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())):
        values, missing = from_arrow(pa.array(["a", None], encoding), "VARCHAR")
        assert values.tolist() == ["a", None]
        assert missing.tolist() == [False, True]


def test_labels_are_cast_from_what_a_graph_returns():
    floats, null = np.array([1.0, np.nan, 0.0]), np.array([False, True, False])
    assert to_arrow([(floats, null)], Output("p", "BOOLEAN")).to_pylist() == [True, None, False]
    assert to_arrow([(floats, null)], Output("p", "BIGINT")).to_pylist() == [1, None, 0]
    assert to_arrow([(floats, null)], Output("p", "DOUBLE")).to_pylist() == [1.0, None, 0.0]


def test_a_struct_is_null_where_all_its_parts_are():
    output = Output(
        "p", "STRUCT", fields=(Output("a", "DOUBLE"), Output("b", "STRUCT", fields=(Output("c", "VARCHAR"),)))
    )
    a = (np.array([1.0, 0.0, 0.0]), np.array([False, True, True]))
    c = (np.array(["x", "y", "z"], dtype=object), np.array([True, False, True]))
    scored = to_arrow([a, c], output)
    assert to_arrow(leaves_of(scored, output), output).equals(scored)
    assert scored.to_pylist() == [{"a": 1.0, "b": None}, {"a": None, "b": {"c": "y"}}, None]
    assert scored.type == arrow_type(output)
