"""Functions that read features out of an OBJECT: every type, every kind of value, and keys in any case."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError

from tests.test_semistructured import KINDS, VALUES
from warehouse_ml.engines.snowflake_readers import create_readers
from warehouse_ml.testing.snowflake import emulated_snowflake


@pytest.fixture(scope="module")
def cursor() -> Iterator[Any]:
    with emulated_snowflake() as emulation:
        cursor = emulation.session().connection.cursor()
        cursor.execute("CREATE SCHEMA warehouse_ml")
        for statement in create_readers("warehouse_ml"):
            cursor.execute(statement)
        yield cursor


def asked(cursor: Any, expressions: str, *objects: str) -> list[tuple[Any, ...]]:
    rows = " UNION ALL ".join(
        "SELECT {} AS place, PARSE_JSON('{}')::OBJECT AS o".format(place, text.replace("'", "''"))
        for place, text in enumerate(objects)
    )
    return list(cursor.execute(f"SELECT {expressions} FROM ({rows}) ORDER BY place").fetchall())


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_read_or_have_another_type(cursor: Any, kind: str) -> None:
    objects = [f'{{"K": {value}}}' for value in [*VALUES, "null"]]
    read = f"warehouse_ml.read_{kind.lower()}(o, 'k', FALSE), warehouse_ml.holds(o, 'k', '{kind}')"
    known = [(found.get(kind), kind in found) for found in VALUES.values()]
    assert asked(cursor, read, *objects) == [*known, (None, True)]


@pytest.mark.parametrize("kind", KINDS)
def test_another_type_is_refused(cursor: Any, kind: str) -> None:
    with pytest.raises(
        ProgrammingError, match=f"Feature 'k' is {kind}; its VARIANT holds a value of another"
    ):
        asked(cursor, f"warehouse_ml.read_{kind.lower()}(o, 'k', TRUE) AS p", '{"k": [1]}')


@pytest.mark.parametrize("kind", KINDS)
def test_an_absent_key_is_refused(cursor: Any, kind: str) -> None:
    with pytest.raises(
        ProgrammingError, match="ScoringError: The OBJECT has no key 'k', a feature of the model"
    ):
        asked(cursor, f"warehouse_ml.read_{kind.lower()}(o, 'k', TRUE) AS p", '{"kk": null}')


KEYS = {
    ("age", "AGE", "Age"): "age",
    ("AGE", "Age"): "AGE",
    ("Age",): "Age",
    ("aGE", "a"): "aGE",
    ("ages", "ag", "a/e", "a~1"): None,
}


def test_the_exact_key_comes_first_then_upper_case(cursor: Any) -> None:
    objects = [json.dumps({key: key for key in keys}) for keys in KEYS]
    read = (
        "warehouse_ml.read_varchar(o, 'age', FALSE), COALESCE(warehouse_ml.holds(o, 'age', 'VARCHAR'), FALSE)"
    )
    assert asked(cursor, read, *objects) == [(key, key is not None) for key in KEYS.values()]


@pytest.mark.parametrize("key", ["a/b", "a~1b", "it's", "ä", "x y"])
def test_any_name_is_found(cursor: Any, key: str) -> None:
    name = key.replace("'", "''")
    assert asked(
        cursor, f"warehouse_ml.read_bigint(o, '{name}', TRUE) AS p", json.dumps({key.upper(): 7})
    ) == [(7,)]


def test_which_of_several_keys_is_not_emulated(cursor: Any) -> None:
    with pytest.raises(
        ProgrammingError, match="does not emulate GET_IGNORE_CASE where keys differ in case alone"
    ):
        asked(cursor, "warehouse_ml.find_feature(o, 'age') AS p", '{"Age": 1, "aGe": 2}')
