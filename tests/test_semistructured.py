"""Values within a VARIANT: which are of a feature's type, and what becomes of the others."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError

from warehouse_ml.semistructured import fits, strict_cast
from warehouse_ml.signature import Feature
from warehouse_ml.testing.snowflake import emulated_snowflake

KINDS = ("DOUBLE", "BIGINT", "BOOLEAN", "VARCHAR", "TIMESTAMP")

VALUES: dict[str, dict[str, Any]] = {
    "1": {"DOUBLE": 1.0, "BIGINT": 1},
    "-3": {"DOUBLE": -3.0, "BIGINT": -3},
    "2.7": {"DOUBLE": 2.7},
    "1e3": {"DOUBLE": 1000.0},
    "true": {"BOOLEAN": True},
    '"yes"': {"VARCHAR": "yes"},
    '"2.5"': {"VARCHAR": "2.5"},
    '"inf"': {"VARCHAR": "inf"},
    '"2020-01-31"': {"VARCHAR": "2020-01-31", "TIMESTAMP": datetime(2020, 1, 31)},
    '"2020-01-31T10:11:12.5"': {
        "VARCHAR": "2020-01-31T10:11:12.5",
        "TIMESTAMP": datetime(2020, 1, 31, 10, 11, 12, 500000),
    },
    '"2020-13-31"': {"VARCHAR": "2020-13-31"},
    '"20200131"': {"VARCHAR": "20200131"},
    '"2020-01-31 00:00:00+02:00"': {"VARCHAR": "2020-01-31 00:00:00+02:00"},
    '"it\'s"': {"VARCHAR": "it's"},
    "{}": {},
    "[1]": {},
}
"""For each value as JSON what it is as a feature of each type that takes it."""

SPELLINGS = ("v", "GET(o, 'k')", "COALESCE(GET(o, 'j'), GET(o, 'k'))", "o:k")


@pytest.fixture(scope="module")
def cursor() -> Iterator[Any]:
    with emulated_snowflake() as emulation:
        yield emulation.session().connection.cursor()


def asked(cursor: Any, expression: str, value: str) -> Any:
    text = value.replace("'", "''")
    made = f"SELECT PARSE_JSON('{text}') AS v, OBJECT_CONSTRUCT('k', PARSE_JSON('{text}')) AS o"
    return cursor.execute(f"SELECT {expression} AS p FROM ({made})").fetchall()[0][0]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_values_are_taken_or_refused(cursor: Any, kind: str, spelling: str) -> None:
    feature = Feature("it's", kind)
    for value, known in VALUES.items():
        assert asked(cursor, fits(spelling, kind), value) == (kind in known)
        if kind in known:
            assert asked(cursor, strict_cast(spelling, feature), value) == known[kind]
            continue
        with pytest.raises(ProgrammingError, match=f"wml_refusal: ScoringError: Feature 'it's' is {kind}; "):
            asked(cursor, strict_cast(spelling, feature), value)


@pytest.mark.parametrize("kind", KINDS)
def test_null_is_null(cursor: Any, kind: str) -> None:
    feature = Feature("a", kind)
    for spelling in ("v", "GET(o, 'k')", "GET(o, 'absent')"):
        assert asked(cursor, strict_cast(spelling, feature), "null") is None


@pytest.mark.parametrize("predicate", ["IS_INTEGER", "IS_VARCHAR", "IS_NULL_VALUE", "IS_DATE"])
def test_a_predicate_of_anything_but_a_variant_is_refused(cursor: Any, predicate: str) -> None:
    with pytest.raises(ProgrammingError, match=f"Invalid argument types for function '{predicate}'"):
        cursor.execute(f"SELECT {predicate}('2')").fetchall()


@pytest.mark.parametrize("call", ["LOWER('a').low", "f(1).low", "warehouse_ml.f(1).low", "(f(1)).low"])
def test_a_field_of_a_call_after_a_dot_is_refused(cursor: Any, call: str) -> None:
    with pytest.raises(ProgrammingError, match="a field of a call after a dot") as refused:
        cursor.execute(f"SELECT {call}")
    assert refused.value.errno == 9999
