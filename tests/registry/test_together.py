"""Several references are resolved at once as they are one by one."""

import pytest

from tests.toy_models import plain_signature
from warehouse_ml.engines import duckdb as engine_module
from warehouse_ml.errors import WarehouseMLError
from warehouse_ml.registry.registry import Registry


@pytest.fixture
def registry():
    engine = engine_module.connect()
    registry = Registry(engine)
    for name, contents in (("one", "abc"), ("two", "de"), ("gone", "f"), ("Three", "gh")):
        for content in contents:
            registry.register(name, f"{name}{content}".encode(), plain_signature())
    registry.set_alias("one", "default", 2)
    registry.set_alias("two", "champion", 1)
    registry.drop_model("one", 3)
    registry.drop_model("gone")
    yield registry
    engine.close()


NAMES = ("one", "ONE", "two", "three", "gone", "nobody", "no name")
SELECTORS = (
    "",
    "1",
    "02",
    "3",
    "99999999999",
    "latest",
    "DEFAULT",
    "champion",
    "nobody",
    "asof:2026-01-31",
    "!",
)


def test_what_is_found_is_what_resolve_finds(registry):
    references = [(name, selector) for name in NAMES for selector in SELECTORS]
    found = registry.resolve_together(references)
    for name, selector in references:
        try:
            expected = registry.resolve(name, selector)
        except WarehouseMLError:
            expected = None
        if expected is None or selector == "champion":
            assert (name, selector) not in found
        else:
            assert found[name, selector] == expected


def test_a_broken_version_is_left_to_resolve(registry):
    connection = registry._engine.connection
    connection.execute("UPDATE warehouse_ml.registry_version SET sha256 = 'none' WHERE name = 'two'")
    assert registry.resolve_together([("one", ""), ("two", "")]) == {}
    assert registry.resolve("one").version == 2


def test_without_a_registry_nothing_is_found():
    engine = engine_module.connect()
    assert Registry(engine).resolve_together([("one", ""), ("two", "")]) == {}
    engine.close()
