"""Which dtypes a handler gets, and that values arrive and return as they are."""

import datetime
import json
import sys
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.testing.account import Account
from warehouse_ml.testing.snowflake import Settings, emulated_snowflake

DTYPES = {
    "FLOAT": {"float64"},
    "NUMBER(4,0)": {"Int16", "int16"},
    "NUMBER(9,0)": {"Int32", "int32"},
    "NUMBER(18,0)": {"Int64", "int64"},
    "NUMBER(38,0)": {"object"},
    "BIGINT": {"object"},
    "NUMBER(10,2)": {"object"},
    "BOOLEAN": {"boolean", "bool"},
    "VARCHAR": {"string"},
    "TIMESTAMP_NTZ": {"datetime64[ns]"},
    "DATE": {"datetime64[ns]"},
    "OBJECT": {"object"},
}
LITERALS = {
    "BOOLEAN": "TRUE",
    "VARCHAR": "'x'",
    "TIMESTAMP_NTZ": "'2024-05-06 07:08:09'::TIMESTAMP_NTZ",
    "DATE": "'2024-05-06'::DATE",
    "OBJECT": "OBJECT_CONSTRUCT('a', 1)",
}
DTYPE = "def predict(batch):\n    return [str(batch[0].dtype)] * len(batch)"


@pytest.mark.parametrize("sql_type", DTYPES)
def test_the_dtype_of_a_column(account, sql_type):
    name = account.function(DTYPE, f"a {sql_type}", "VARCHAR")
    with_null = set(
        account.column(f"SELECT {name}(column1) FROM VALUES ({LITERALS.get(sql_type, '1')}), (NULL)")
    )
    without = {account.value(f"SELECT {name}({LITERALS.get(sql_type, '1')})") for _ in range(12)}
    assert without == DTYPES[sql_type]
    assert with_null <= DTYPES[sql_type]


def test_wide_numbers_may_come_as_integers():
    with emulated_snowflake(Settings(wide_numbers="int64")) as emulation:
        account = Account(emulation, emulation.session())
        account.sql("CREATE STAGE files")
        name = account.function(DTYPE, "a NUMBER(38,0)", "VARCHAR")
        assert account.value(f"SELECT {name}(1)") in ("Int64", "int64")


def test_columns_are_named_by_their_positions(account):
    name = account.function(
        "def predict(batch):\n    return [str(list(batch))] * len(batch)", "x FLOAT, y VARCHAR", "VARCHAR"
    )
    assert account.value(f"SELECT {name}(1, 'a')") == "[0, 1]"


MISSING = "def predict(batch):\n    return [str(value) for value in batch[0]]"
NULLS = {"FLOAT": "nan", "NUMBER(4,0)": "<NA>", "NUMBER(38,0)": "None", "BOOLEAN": "<NA>", "VARCHAR": "<NA>"}
NULLS |= {"TIMESTAMP_NTZ": "NaT", "OBJECT": "None"}


@pytest.mark.parametrize("sql_type", NULLS)
def test_null_as_a_handler_sees_it(account, sql_type):
    name = account.function(MISSING, f"a {sql_type}", "VARCHAR")
    assert account.value(f"SELECT {name}(NULL)") == NULLS[sql_type]


@pytest.fixture(scope="module")
def echoes(account: Account) -> dict[str, str]:
    plain = "def predict(batch):\n    return [None if pandas.isna(value) else value for value in batch[0]]"
    objects = "def predict(batch):\n    return list(batch[0])"
    kinds = ("FLOAT", "NUMBER(18,0)", "NUMBER(38,0)", "BOOLEAN", "VARCHAR", "TIMESTAMP_NTZ", "OBJECT")
    return {
        kind: account.function(objects if kind == "OBJECT" else plain, f"a {kind}", kind) for kind in kinds
    }


def echoed(account: Account, name: str, sql_type: str, values: list[object]) -> list[object]:
    rows = json.dumps([None if value is None else str(value) for value in values])
    return account.column(
        f"SELECT {name}(CAST(r.value::VARCHAR AS {sql_type})) "
        "FROM TABLE(FLATTEN(input => PARSE_JSON(?))) AS r ORDER BY r.index",
        rows,
    )


WHOLE = st.integers(-(2**53), 2**53)
VALUES = {
    "FLOAT": st.floats(allow_nan=False, allow_infinity=False),
    "NUMBER(18,0)": st.integers(-(10**17), 10**17),
    "NUMBER(38,0)": st.integers(-(2**63), 2**63 - 1),
    "BOOLEAN": st.booleans(),
    "TIMESTAMP_NTZ": st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1)),
}


@pytest.mark.parametrize("sql_type", VALUES)
def test_values_return_as_they_went(account, echoes, sql_type):
    @settings(max_examples=8)
    @given(st.lists(st.none() | VALUES[sql_type], min_size=1, max_size=40))
    def check(values: list[object]) -> None:
        assert echoed(account, echoes[sql_type], sql_type, values) == values

    check()


@settings(max_examples=10)
@given(text=st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40))
def test_texts_return_as_they_went(account, echoes, text):
    assert account.value(f"SELECT {echoes['VARCHAR']}(?)", text) == text


def test_objects_are_dicts_and_return_as_objects(account, echoes):
    found = account.value(
        f"SELECT {echoes['OBJECT']}(OBJECT_CONSTRUCT_KEEP_NULL('a', 1.5, 'b', NULL, 'c', 'x'))"
    )
    assert json.loads(found) == {"a": 1.5, "b": None, "c": "x"}


def test_a_field_of_a_returned_object_is_reached(account, echoes):
    sql = f"SELECT {echoes['OBJECT']}(OBJECT_CONSTRUCT('a', 1.5)):a::FLOAT"
    assert account.value(sql) == 1.5


def test_infinity_arrives(account):
    name = account.function("def predict(batch):\n    return numpy.isinf(batch[0]).astype(float)")
    assert account.value(f"SELECT {name}('inf'::FLOAT)") == 1


def test_decimals_keep_their_digits(account):
    name = account.function(
        "def predict(batch):\n    return [str(value) for value in batch[0]]", "a NUMBER(38,0)", "VARCHAR"
    )
    assert Decimal(account.value(f"SELECT {name}(12345678901234567890123456789012345678)")) == Decimal(
        "12345678901234567890123456789012345678"
    )


PANDAS = [("numpy==1.23.5", "pandas==1.5.3"), ("numpy==1.26.4", "pandas==2.2.3")]


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="pandas 1.5 has no wheel for this Python")
@pytest.mark.parametrize("packages", PANDAS)
def test_dtypes_are_those_of_older_pandas_too(account, packages):
    code = "def predict(batch):\n    return [' '.join(map(str, batch.dtypes))] * len(batch)"
    arguments = "a FLOAT, b NUMBER(4,0), c NUMBER(38,0), d BOOLEAN, e VARCHAR, f TIMESTAMP_NTZ, g OBJECT"
    name = account.function(code, arguments, "VARCHAR", packages=packages)
    found = account.value(f"SELECT {name}(NULL, NULL, NULL, NULL, NULL, NULL, NULL)")
    assert found == "float64 Int16 object boolean string datetime64[ns] object"
