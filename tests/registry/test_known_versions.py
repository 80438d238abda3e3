import pytest

from tests.toy_models import plain_signature
from warehouse_ml.errors import VersionNotFoundError
from warehouse_ml.registry.registry import Registry


@pytest.fixture
def pair(engine):
    """Two registries on one database: what one of them changes, the other has not seen."""
    registries = Registry(engine), Registry(engine)
    registries[0].register("churn", b"one", plain_signature(), metrics={"auc": 0.9}, comment="first")
    return registries


def test_what_was_read_before_is_as_another_registry_has_changed_it(pair):
    one, other = pair
    assert one.resolve("churn") == other.resolve("churn")
    other.set_tags("churn", 1, {"stage": "live"})
    other.set_comment("churn", 1, "changed")
    assert one.resolve("churn") == other.versions("churn")[0]
    assert one.resolve("churn").comment == "changed"


def test_a_version_that_was_read_before_and_dropped_since_is_not_found(pair):
    one, other = pair
    other.register("churn", b"two", plain_signature())
    assert one.resolve("churn", "1").version == 1
    other.drop_model("churn", 1)
    with pytest.raises(VersionNotFoundError, match="2"):
        one.resolve("churn", "1")


def test_a_number_that_stands_for_other_bytes_by_now_is_read_again(engine, pair):
    one, _ = pair
    before = one.resolve("churn")
    engine.connection.execute("UPDATE warehouse_ml.registry_version SET sha256 = repeat('a', 64)")
    after = one.resolve("churn")
    assert before.sha256 != after.sha256 == "a" * 64
    assert before.metrics == after.metrics == {"auc": 0.9}
