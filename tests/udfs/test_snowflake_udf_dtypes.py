"""What Snowflake may hand over for a value, in every dtype, against what DuckDB's SQL gives for it."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.toy_models import every_type
from tests.udfs.deployed import by_place, call, objects, plain, snowflake_udf, write_imports
from warehouse_ml.engines.arrow import ARROW_TYPES
from warehouse_ml.engines.duckdb import connect
from warehouse_ml.engines.handler_files import load_handler

ONNX, SIGNATURE = every_type()
ScoringError = load_handler("onnx_udf").ScoringError
TYPES = [feature.type for feature in SIGNATURE.features]
PACKED = -1
"""The place of a column that is a row's OBJECT."""


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    """A model that gives back what it is given."""
    return write_imports(tmp_path_factory.mktemp("echo"), ONNX, SIGNATURE)


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    return write_imports(tmp_path_factory.mktemp("packed"), ONNX, SIGNATURE, packed=True)


@pytest.fixture(scope="module")
def engine():
    engine = connect()
    yield engine
    engine.close()


# --- ways to hand a value over --------------------------------------------------------------------


def whole(bits, *, nulls=True):
    numbers = st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return st.none() | numbers if nulls else numbers


def decimals(values):
    return objects(*(None if value is None else Decimal(value) for value in values))


def of_dtype(dtype):
    return lambda values: pd.Series(values, dtype=dtype)


def arrow(kind):
    return of_dtype(pd.ArrowDtype(kind))


NUMBERS = st.none() | st.floats(allow_nan=False)
FINITE = st.none() | st.floats(allow_nan=False, allow_infinity=False)
TRUTHS = st.none() | st.booleans()
TEXTS = st.none() | st.text(max_size=8).filter(lambda text: "\ufdd0" not in text)
RECENT = st.none() | st.datetimes(datetime(1680, 1, 1), datetime(2260, 1, 1))
DATES = st.none() | st.dates(date(1680, 1, 1), date(2260, 1, 1))
ANY_TIME = st.none() | st.datetimes()

WAYS = {
    "DOUBLE": {
        "FLOAT": (NUMBERS, of_dtype("float64")),
        "Float64": (NUMBERS, of_dtype("Float64")),
        "arrow double": (NUMBERS, arrow(pa.float64())),
        "float32": (st.none() | st.floats(width=32, allow_nan=False), of_dtype("float32")),
        "NUMBER(4,0)": (whole(14), of_dtype("Int16")),
        "NUMBER(9,0)": (whole(30), of_dtype("Int32")),
        "NUMBER(18,0)": (whole(60), of_dtype("Int64")),
        "NUMBER(18,0) NOT NULL": (whole(60, nulls=False), of_dtype("int64")),
        "NUMBER(38,0)": (whole(126), decimals),
        "NUMBER(38,9)": (FINITE, decimals),
        "objects": (NUMBERS, lambda values: objects(*values)),
        "objects of int": (whole(126), lambda values: objects(*values)),
        "arrow decimal": (whole(60), lambda values: arrow(pa.decimal128(38, 2))(decimals(values))),
        "BOOLEAN": (TRUTHS, of_dtype("boolean")),
    },
    "BIGINT": {
        "NUMBER(4,0)": (whole(14), of_dtype("Int16")),
        "NUMBER(4,0) NOT NULL": (whole(14, nulls=False), of_dtype("int16")),
        "NUMBER(9,0)": (whole(30), of_dtype("Int32")),
        "NUMBER(18,0)": (whole(60), of_dtype("Int64")),
        "NUMBER(18,0) NOT NULL": (whole(60, nulls=False), of_dtype("int64")),
        "NUMBER(38,0)": (whole(64), decimals),
        "objects": (whole(64), lambda values: objects(*values)),
        "arrow": (whole(64), arrow(pa.int64())),
        "unsigned": (st.none() | st.integers(0, 2**63 - 1), of_dtype("UInt64")),
        "BOOLEAN": (TRUTHS, of_dtype("boolean")),
    },
    "BOOLEAN": {
        "BOOLEAN": (TRUTHS, of_dtype("boolean")),
        "BOOLEAN NOT NULL": (st.booleans(), of_dtype("bool")),
        "objects": (TRUTHS, lambda values: objects(*values)),
        "objects of numpy": (st.booleans(), lambda values: objects(*map(np.bool_, values))),
        "arrow": (TRUTHS, arrow(pa.bool_())),
    },
    "VARCHAR": {
        "VARCHAR": (TEXTS, of_dtype("string")),
        "python": (TEXTS, of_dtype(pd.StringDtype("python"))),
        "pyarrow": (TEXTS, of_dtype(pd.StringDtype("pyarrow"))),
        "pandas 3": (TEXTS, of_dtype("str")),
        "objects": (TEXTS, lambda values: objects(*values)),
        "objects with NaN": (TEXTS, lambda values: objects(*(np.nan if v is None else v for v in values))),
        "arrow": (TEXTS, arrow(pa.string())),
    },
    "TIMESTAMP": {
        "TIMESTAMP_NTZ": (RECENT, of_dtype("datetime64[ns]")),
        "microseconds": (ANY_TIME, of_dtype("datetime64[us]")),
        "DATE": (DATES, of_dtype("datetime64[ns]")),
        "objects": (ANY_TIME, lambda values: objects(*values)),
        "objects of date": (DATES, lambda values: objects(*values)),
        "objects of pandas": (RECENT, lambda values: objects(*map(pd.Timestamp, values))),
        "arrow": (ANY_TIME, arrow(pa.timestamp("us"))),
    },
}
"""For each type of a feature: values, and how a column is made of them, by what the argument is called."""


@st.composite
def columns(draw):
    """A way and values for each feature, all of one length, and where the batch is cut."""
    rows = draw(st.integers(0, 5))
    chosen = [draw(st.sampled_from(sorted(WAYS[kind]))) for kind in TYPES]
    drawn = []
    for kind, way in zip(TYPES, chosen, strict=True):
        values = WAYS[kind][way][0]
        drawn.append(draw(st.lists(values, min_size=rows, max_size=rows)))
    return chosen, drawn, draw(st.integers(0, rows))


def by_duckdb(engine, drawn, method="predict"):
    """The oracle: the same values as a table of DuckDB's."""
    exactly = {"DOUBLE": float, "BIGINT": int, "TIMESTAMP": lambda when: np.datetime64(when, "us").item()}
    arrays = []
    for kind, values in zip(TYPES, drawn, strict=True):
        ready = [None if value is None else exactly.get(kind, lambda same: same)(value) for value in values]
        arrays.append(pa.array(ready, ARROW_TYPES[kind]))
    table = pa.table(arrays, names=[f"f{place}" for place in range(len(arrays))])
    return engine.score({"onnx": ONNX}, SIGNATURE, method, table).to_pylist()


# --- against DuckDB -------------------------------------------------------------------------------


@settings(max_examples=150)
@given(columns())
def test_every_mix_of_dtypes_scores_as_on_duckdb(engine, echo, case) -> None:
    ways, drawn, cut = case
    made = [WAYS[kind][way][1](values) for kind, way, values in zip(TYPES, ways, drawn, strict=True)]
    frame = by_place(*made)
    assert [column.dtype for _, column in frame.items()] == [column.dtype for column in made]
    scored = [*plain(call(echo, frame[:cut])), *plain(call(echo, frame[cut:], "try_predict"))]
    assert repr(scored) == repr(by_duckdb(engine, drawn))


JSON_WAYS = {
    "DOUBLE": (NUMBERS | whole(126), (float, Decimal, str)),
    "BIGINT": (whole(64), (int, Decimal, str)),
    "BOOLEAN": (TRUTHS, (bool, lambda value: str(value).lower())),
    "VARCHAR": (TEXTS, (str,)),
    "TIMESTAMP": (ANY_TIME, (str, datetime.isoformat, lambda value: f"{value} Z", lambda value: value)),
}


@st.composite
def dicts(draw):
    """Rows as OBJECTs, and the columns of their values."""
    rows, made = draw(st.integers(0, 4)), []
    drawn = [draw(st.lists(JSON_WAYS[kind][0], min_size=rows, max_size=rows)) for kind in TYPES]
    for place in range(rows):
        row = {"more": 1}
        for feature, values in zip(SIGNATURE.features, drawn, strict=True):
            if values[place] is not None:
                row[feature.name] = draw(st.sampled_from(JSON_WAYS[feature.type][1]))(values[place])
            else:
                row[feature.name] = draw(st.sampled_from([None, SqlNull()]))
        made.append(row)
    return made, drawn


class SqlNull:
    """NULL within a VARIANT, as Snowflake's documentation describes it."""

    is_sql_null = True


@settings(max_examples=150)
@given(dicts())
def test_packed_rows_score_as_columns_do(engine, packed, case) -> None:
    rows, drawn = case
    scored = plain(call(packed, pd.DataFrame({PACKED: objects(*rows)})))
    assert repr(scored) == repr(by_duckdb(engine, drawn))


ALL_KEYS = {"d": 1.0, "i": None, "b": None, "s": None, "t": "2026-01-01"}


@pytest.mark.parametrize("null", [None, np.nan, pd.NA, SqlNull(), {}, {**ALL_KEYS, "D": 1.0, "d": 2}])
def test_a_row_without_a_key_raises_or_is_null(packed, null) -> None:
    row = {key: value for key, value in null.items() if key != "d"} if isinstance(null, dict) else null
    frame = by_place(objects(row, ALL_KEYS))
    with pytest.raises(ScoringError, match="no key 'd', spelled so.* Make it by OBJECT_CONSTRUCT_KEEP_NULL"):
        call(packed, frame)
    scored = {"d": 1.0, "i": -1, 'in "ner': {"b": True, "naïve s": "none"}, "t": 1767225600000000.0}
    assert plain(call(packed, frame, "try_predict")) == [None, scored]


# --- what is exact --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([2**53 + 1, None], dtype="Int64"),
        objects(Decimal(2**53 + 1), None),
        objects(2**53 + 1, None),
        objects(Decimal("9007199254740993.00"), None),
    ],
    ids=["Int64", "Decimal", "int", "scale"],
)
def test_whole_numbers_beyond_floats_stay_exact(echo, column) -> None:
    assert [row["i"] for row in call(echo, batch(i=column))] == [2**53 + 1, -1]


def test_nanoseconds_are_cut_towards_the_past(echo) -> None:
    times = np.array(["1969-12-31T23:59:59.999999999", "1970-01-01T00:00:00.000001999"], "datetime64[ns]")
    assert [row["t"] for row in call(echo, batch(t=times))] == [-1.0, 1.0]


# --- what is refused ------------------------------------------------------------------------------


def batch(**changes):
    """Two rows of the echo, in which some columns are others."""
    ordinary = {"d": [1.0, 2.0], "i": [1, 2], "b": [True, False], "s": ["a", "b"]}
    times = np.array(["2026-01-01", "2026-01-02"], dtype="datetime64[ns]")
    return by_place(*({**ordinary, "t": times, **changes}[feature.name] for feature in SIGNATURE.features))


WRONG_TYPES = {
    "text for a number": (
        "d",
        pd.Series(["1.5", "2"], dtype="string"),
        "'1.5' for the feature 'd': a number",
    ),
    "text for a whole number": ("i", objects("1", "2"), "'1' for the feature 'i': a whole number of 64 bits"),
    "text for a truth": ("b", objects("true", "x"), "'true' for the feature 'b': true or false is wanted"),
    "a number for a truth": ("b", pd.Series([1, 0]), "1 for the feature 'b': true or false is wanted"),
    "a number for a text": ("s", pd.Series([1, 0]), "1 for the feature 's': a text is wanted"),
    "bytes for a text": ("s", objects(b"a", "b"), "b'a' for the feature 's': a text is wanted"),
    "text for a time": (
        "t",
        objects("2026-01-01", None),
        "'2026-01-01' for the feature 't': a date, or a time",
    ),
    "a number for a time": ("t", pd.Series([1.0, 2.0]), "1.0 for the feature 't': a date, or a time"),
    "a time with a zone": ("t", objects(datetime(2026, 1, 1, tzinfo=UTC), None), "without a time zone"),
    "times with a zone": ("t", pd.Series(pd.to_datetime([0, 1], utc=True)), "without a time zone"),
    "a time for a number": (
        "d",
        pd.Series(pd.to_datetime([0, 1])),
        "for the feature 'd': a number is wanted",
    ),
    "a list for a number": ("d", objects([1.0], [2.0]), r"\[1.0\] for the feature 'd': a number is wanted"),
}


@pytest.mark.parametrize(("feature", "column", "sentence"), WRONG_TYPES.values(), ids=WRONG_TYPES)
@pytest.mark.parametrize("method", ["predict", "try_predict"])
def test_a_column_of_another_type_is_refused_by_every_method(echo, method, feature, column, sentence) -> None:
    with pytest.raises(ScoringError, match=sentence):
        call(echo, batch(**{feature: column}), method)


WRONG_VALUES = {
    "beyond 64 bits": objects(Decimal(2**63), 2),
    "far beyond": objects(2**200, 2),
    "a fraction": objects(Decimal("1.5"), 2),
    "a float that may be rounded": pd.Series([2.0**53 + 2, 2.0]),
    "infinity": pd.Series([np.inf, 2.0]),
    "unsigned": pd.Series([2**63, 2], dtype="uint64"),
}


@pytest.mark.parametrize("column", WRONG_VALUES.values(), ids=WRONG_VALUES)
def test_a_number_that_does_not_fit_raises_or_is_null(echo, column) -> None:
    with pytest.raises(ScoringError, match="for the feature 'i': a whole number of 64 bits is wanted"):
        call(echo, batch(i=column))
    assert [row and row["i"] for row in call(echo, batch(i=column), "try_predict")] == [None, 2]


@pytest.mark.parametrize(
    ("feature", "value"),
    [
        *[("d", value) for value in ("one", "1_0", "", [], {}, datetime(2026, 1, 1))],
        *[
            ("i", value)
            for value in (
                "1.5",
                "1_0",
                "NaN",
                2.0**60,
                1e300,
                "9223372036854775808",
                "1e999999999",
                "inf",
                {},
            )
        ],
        *[("i", value) for value in (2.0**60, 1e300, -np.inf)],
        *[("b", value) for value in (1, "yes", 0.0)],
        *[("s", value) for value in (1, True, ["a"], {"a": 1})],
        *[("t", value) for value in (1, "2026", "today", "2026-01-01 00:00:00 +0100", "2026-13-01")],
    ],
)
def test_a_packed_value_of_another_type_raises_or_is_null(packed, feature, value) -> None:
    good = {"d": 1, "i": 1, "b": True, "s": "a", "t": "2026-01-01"}
    frame = by_place(objects(good, {**good, feature: value}))
    with pytest.raises(ScoringError, match=f"for the feature '{feature}': .* wanted"):
        call(packed, frame)
    assert [row is None for row in call(packed, frame, "try_predict")] == [False, True]


@pytest.mark.parametrize("row", ["text", 1.0, [1, 2], json.dumps({"d": 1})])
def test_a_row_that_is_no_object_raises_or_is_null(packed, row) -> None:
    frame = by_place(objects(ALL_KEYS, row))
    with pytest.raises(ScoringError, match="no OBJECT that holds the features by their names"):
        call(packed, frame)
    assert [row is None for row in call(packed, frame, "try_predict")] == [False, True]


@pytest.mark.parametrize("kind", TYPES)
def test_the_ways_of_a_type_agree_with_each_other_on_no_rows(echo, kind) -> None:
    columns = [snowflake_udf._read(make([]), FEATURE[kind], None) for _, make in WAYS[kind].values()]
    for (one, _), (other, _) in pairwise(columns):
        assert (one.dtype, len(one)) == (other.dtype, 0)


FEATURE = {feature["type"]: feature for feature in json.loads(SIGNATURE.to_json())["features"]}
