import hashlib
import json
import threading
import time
from datetime import datetime, timedelta

import duckdb
import numpy as np
import pytest

from tests.toy_models import plain_signature
from warehouse_ml.engines import duckdb as engine_module
from warehouse_ml.engines.base import ConflictError
from warehouse_ml.engines.duckdb_transaction import DuckDBTransaction
from warehouse_ml.errors import (
    AliasInUseError,
    AliasNotFoundError,
    CorruptModelError,
    FormatVersionError,
    InvalidNameError,
    ModelNotFoundError,
    ReadOnlyError,
    RegistryError,
    VersionNotFoundError,
    VersionNotYetError,
)
from warehouse_ml.registry.registry import Registry

SIGNATURE = plain_signature()


@pytest.fixture
def registry(engine):
    return Registry(engine)


def add(registry, content, name="churn", **facts):
    return registry.register(name, content.encode(), SIGNATURE, **facts)


def move_back(engine, table, column, condition, days):
    """Make rows of the registry older."""
    engine.connection.execute(
        f"UPDATE warehouse_ml.{table} SET {column} = {column} - INTERVAL {days} DAY WHERE {condition}"
    )


def day(days_ago):
    return "asof:" + (datetime.now() - timedelta(days=days_ago)).date().isoformat()


def test_versions_count_from_one(registry):
    assert [add(registry, content).version for content in "abc"] == [1, 2, 3]


def test_models_count_for_themselves(registry):
    assert [add(registry, "a", name).version for name in ("one", "two")] == [1, 1]


def test_the_same_bytes_are_the_same_version(registry):
    first = add(registry, "a", comment="first")
    add(registry, "b")
    assert add(registry, "a", comment="again") == first
    assert len(registry.versions("churn")) == 2


def test_a_version_holds_its_facts(registry):
    version = add(
        registry,
        "a",
        "Churn",
        metrics={"auc": np.float64(0.9), "rows": np.int64(3)},
        parity={"worst": float("nan"), "cases": np.array([1, 2])},
        lineage={"query": "SELECT 'é' -- \0", "at": datetime(2026, 1, 2), "shape": (2, 3)},
        tags={"team": "risk's", "emoji🙂": "'; DROP TABLE t; --"},
        comment='a "quoted" word',
        created_by="ada",
    )
    assert (version.name, version.created_by, version.comment) == ("churn", "ada", 'a "quoted" word')
    assert version.metrics == {"auc": 0.9, "rows": 3}
    assert version.parity == {"worst": None, "cases": [1, 2]}
    assert version.lineage == {"query": "SELECT 'é' -- \0", "at": "2026-01-02T00:00:00", "shape": [2, 3]}
    assert version.tags == {"team": "risk's", "emoji🙂": "'; DROP TABLE t; --"}
    assert version.signature == SIGNATURE
    assert (version.sha256, version.size) == (hashlib.sha256(b"a").hexdigest(), 1)
    assert registry.resolve("CHURN", "1") == version


def test_created_at_is_utc_whatever_the_time_zone(engine, registry):
    engine.connection.execute("SET GLOBAL TimeZone = 'Asia/Tokyo'")
    created = add(registry, "a").created_at
    assert (
        abs(created.timestamp() - time.time() + datetime.now().astimezone().utcoffset().total_seconds()) < 60
    )


def test_the_default_is_the_newest_until_it_is_set(registry):
    for content in "abc":
        add(registry, content)
    assert registry.resolve("churn").version == registry.resolve("churn", "default").version == 3
    registry.set_alias("churn", "default", 2)
    add(registry, "d")
    assert registry.resolve("churn").version == 2
    assert registry.resolve("churn", "latest").version == 4
    registry.drop_alias("churn", "default")
    assert registry.resolve("churn").version == 4


def test_an_alias_moves_and_keeps_its_history(registry):
    for content in "ab":
        add(registry, content)
    registry.set_alias("churn", "Champion", 1, changed_by="ada")
    registry.set_alias("churn", "champion", 1)
    registry.set_alias("churn", "champion", 2)
    assert registry.resolve("churn", "CHAMPION").version == 2
    registry.drop_alias("churn", "champion")
    assert registry.aliases("churn") == {}
    history = registry.alias_history("churn")
    assert [(change.alias, change.version) for change in history] == [("champion", v) for v in (1, 2, None)]
    assert history[0].changed_by == "ada"


def test_as_of_follows_the_default(engine, registry):
    for content in "abc":
        add(registry, content)
    registry.set_alias("churn", "default", 2)
    registry.drop_alias("churn", "default")
    for version, days in ((1, 50), (2, 40), (3, 30)):
        move_back(engine, "registry_version", "created_at", f"version = {version}", days)
    for position, days in ((1, 20), (2, 10)):
        move_back(engine, "registry_alias_change", "changed_at", f"position = {position}", days)
    asked = {days: registry.resolve("churn", day(days)).version for days in (45, 35, 25, 15, 5)}
    assert asked == {45: 1, 35: 2, 25: 3, 15: 2, 5: 3}
    with pytest.raises(VersionNotYetError, match="Its first one was registered at"):
        registry.resolve("churn", day(60))


def test_as_of_is_exact_to_the_microsecond(engine, registry):
    created = add(registry, "a").created_at
    assert registry.resolve("churn", f"asof:{created.isoformat()}").version == 1
    with pytest.raises(VersionNotYetError):
        registry.resolve("churn", f"asof:{(created - timedelta(microseconds=1)).isoformat()}")


def test_as_of_names_a_version_that_was_dropped_since(engine, registry):
    for content in "ab":
        add(registry, content)
    move_back(engine, "registry_version", "created_at", "version = 1", 20)
    move_back(engine, "registry_version", "created_at", "version = 2", 10)
    registry.drop_model("churn", 1)
    assert registry.resolve("churn", day(5)).version == 2
    with pytest.raises(VersionNotFoundError, match="has no version 'asof"):
        registry.resolve("churn", day(15))


def test_numbers_are_never_used_again(registry):
    for content in "ab":
        add(registry, content)
    registry.drop_model("churn", 2)
    assert registry.resolve("churn").version == 1
    assert add(registry, "b").version == 3
    registry.set_alias("churn", "champion", 3)
    registry.drop_model("churn")
    with pytest.raises(ModelNotFoundError):
        registry.resolve("churn")
    assert registry.models() == []
    assert add(registry, "b").version == 4
    assert registry.aliases("churn") == {}


def test_a_version_with_an_alias_is_not_dropped(registry):
    add(registry, "a")
    registry.set_alias("churn", "champion", 1)
    with pytest.raises(AliasInUseError, match="'churn@1' is what 'champion' points to"):
        registry.drop_model("churn", 1)
    assert registry.resolve("churn", "champion").version == 1


def test_dropping_takes_the_bytes_away(engine, registry):
    version = add(registry, "a")
    registry.drop_model("churn")
    assert engine.connection.sql("SELECT onnx FROM warehouse_ml.registry_version").fetchall() == [(None,)]
    with pytest.raises(VersionNotFoundError):
        registry.load(version)


@pytest.mark.parametrize(
    ("name", "selector", "error", "message"),
    [
        ("chrun", "", ModelNotFoundError, "Did you mean 'churn'"),
        ("churn", "7", VersionNotFoundError, "no version '7'. It has '1', '2'"),
        ("churn", "0", VersionNotFoundError, "no version '0'"),
        ("churn", "champoin", AliasNotFoundError, "Did you mean 'champion'"),
        ("churn", "no such", InvalidNameError, "is not a valid alias"),
        ("x'; DROP TABLE t; --", "", InvalidNameError, "is not a valid model name"),
    ],
)
def test_what_is_not_found(registry, name, selector, error, message):
    for content in "ab":
        add(registry, content)
    registry.set_alias("churn", "champion", 2)
    with pytest.raises(error, match=message):
        registry.resolve(name, selector)


def test_changes_of_what_is_not_found(registry):
    add(registry, "a")
    calls = [
        (VersionNotFoundError, lambda: registry.set_alias("churn", "champion", 2)),
        (AliasNotFoundError, lambda: registry.drop_alias("churn", "champion")),
        (VersionNotFoundError, lambda: registry.drop_model("churn", 2)),
        (ModelNotFoundError, lambda: registry.drop_model("other")),
        (VersionNotFoundError, lambda: registry.set_tags("churn", 2, {})),
        (ModelNotFoundError, lambda: registry.set_comment("other", 1, "")),
        (ModelNotFoundError, lambda: registry.versions("other")),
    ]
    for error, call in calls:
        with pytest.raises(error):
            call()


def test_a_database_without_models(engine, registry):
    assert registry.models() == []
    calls = [
        lambda: registry.resolve("churn"),
        lambda: registry.versions("churn"),
        lambda: registry.aliases("churn"),
        lambda: registry.set_alias("churn", "champion", 1),
        lambda: registry.drop_model("churn"),
    ]
    for call in calls:
        with pytest.raises(ModelNotFoundError, match="No model named 'churn'. No model is registered here"):
            call()
    assert engine.connection.sql("FROM duckdb_schemas() WHERE schema_name = 'warehouse_ml'").fetchall() == []


def test_tags_and_comment_change(registry):
    add(registry, "a", tags={"old": "1"}, comment="old")
    registry.set_tags("churn", 1, {"new": "2"})
    version = registry.set_comment("churn", 1, "new")
    assert (version.tags, version.comment) == ({"new": "2"}, "new")


def test_bytes_are_checked_on_every_load(engine, registry):
    version = add(registry, "a")
    assert registry.load(version) == b"a"
    engine.connection.execute("UPDATE warehouse_ml.registry_version SET onnx = 'b'::BLOB")
    with pytest.raises(CorruptModelError, match="'churn@1' are damaged"):
        registry.load(version)


def test_a_digest_that_is_none_never_reaches_a_statement(engine, registry):
    add(registry, "a")
    engine.connection.execute("UPDATE warehouse_ml.registry_version SET sha256 = '1(),2;--'")
    with pytest.raises(CorruptModelError, match="its SHA-256 is none"):
        registry.resolve("churn")


def test_a_newer_registry_is_refused(engine, registry):
    add(registry, "a")
    engine.connection.execute("UPDATE warehouse_ml.registry_format SET format_version = 99")
    for call in (lambda fresh: fresh.resolve("churn"), lambda fresh: add(fresh, "b")):
        with pytest.raises(FormatVersionError, match="format version 99"):
            call(Registry(engine))


def test_a_newer_model_is_refused(engine, registry):
    add(registry, "a")
    newer = json.dumps({**json.loads(SIGNATURE.to_json()), "format_version": 99})
    engine.connection.execute("UPDATE warehouse_ml.registry_version SET signature = ?", [newer])
    with pytest.raises(FormatVersionError, match="The model has format version 99"):
        registry.resolve("churn")


def test_a_schema_of_that_name_without_tables(engine, registry):
    engine.connection.execute("CREATE SCHEMA warehouse_ml")
    assert registry.models() == []
    assert add(registry, "a").version == 1


def test_the_views(engine, registry):
    add(registry, "a", metrics={"auc": 0.5}, tags={"team": "risk"}, comment="one")
    version = add(registry, "b", "churn", comment="two")
    add(registry, "c")
    registry.set_alias("churn", "champion", 2)
    registry.set_alias("churn", "default", 2)
    registry.drop_model("churn", 3)
    models = engine.connection.sql(
        "SELECT name, newest_version, default_version, versions, task, comment FROM warehouse_ml.models"
    )
    assert models.fetchall() == [("churn", 2, 2, 2, "regression", "two")]
    versions = engine.connection.sql(
        "SELECT version, aliases, features, metrics ->> 'auc', tags['team'], function "
        "FROM warehouse_ml.versions"
    )
    first, second = sorted(versions.fetchall())
    assert first[:5] == (1, [], ["a"], "0.5", "risk")
    assert second == (2, ["champion", "default"], ["a"], None, None, version.function)
    columns = engine.connection.sql("FROM warehouse_ml.versions").types
    assert not [kind for kind in columns if kind == duckdb.sqltype("BLOB")]


def test_a_read_only_database(tmp_path):
    path = tmp_path / "models.duckdb"
    writer = engine_module.connect(path)
    add(Registry(writer), "a")
    writer.close()
    before = path.read_bytes()
    reader = engine_module.connect(path, read_only=True)
    registry = Registry(reader)
    assert registry.resolve("churn").version == 1
    with pytest.raises(ReadOnlyError, match="cannot register a model"):
        add(registry, "b")
    with pytest.raises(ReadOnlyError, match="cannot set an alias"):
        registry.set_alias("churn", "champion", 1)
    reader.close()
    assert path.read_bytes() == before


@pytest.mark.parametrize("stem", ["warehouse_ml", "we ird", "o'neill", 'say "hi"', "main", "été🙂"])
def test_awkward_names_of_files(tmp_path, stem):
    engine = engine_module.connect(tmp_path / f"{stem}.duckdb")
    add(Registry(engine), "a")
    engine.close()
    renamed = (tmp_path / f"{stem}.duckdb").rename(tmp_path / "renamed.duckdb")
    engine = engine_module.connect(renamed)
    assert Registry(engine).resolve("churn").version == 1
    assert engine.connection.sql("SELECT name FROM warehouse_ml.models").fetchall() == [("churn",)]
    engine.close()


def test_the_current_database_is_the_one_that_is_used(tmp_path):
    connection = duckdb.connect()
    connection.execute(
        f"ATTACH '{tmp_path / 'other.duckdb'}' AS other; CREATE SCHEMA other.mine; USE other.mine"
    )
    add(Registry(engine_module.connect(connection)), "a")
    found = connection.sql("SELECT database_name FROM duckdb_schemas() WHERE schema_name = 'warehouse_ml'")
    assert found.fetchall() == [("other",)]
    assert connection.sql("SELECT current_schema()").fetchall() == [("mine",)]
    connection.close()


def test_an_open_transaction_of_the_user_is_left_alone():
    connection = duckdb.connect()
    connection.execute("CREATE TABLE t (i INTEGER)")
    connection.execute("BEGIN; INSERT INTO t VALUES (1)")
    registry = Registry(engine_module.connect(connection))
    add(registry, "a")
    connection.execute("ROLLBACK")
    assert connection.sql("FROM t").fetchall() == []
    assert registry.resolve("churn").version == 1
    connection.close()


def test_writers_at_once_lose_nothing(tmp_path):
    """Two cursors of one session and two sessions on the file; the first of all makes the tables."""
    path = tmp_path / "models.duckdb"
    engine = engine_module.connect(path)
    engines = [engine, engine.cursor(), engine_module.connect(path), engine_module.connect(path)]
    start = threading.Barrier(len(engines))
    found, failed = [], []

    def write(writer, engine):
        registry = Registry(engine)
        start.wait()
        try:
            for turn in range(8):
                version = add(registry, f"{writer} {turn}")
                add(registry, f"same {turn}", "shared")
                registry.set_alias("churn", "champion", version.version)
                found.append(version)
        except Exception as error:  # a thread's error is shown by the assertion
            failed.append(error)

    threads = [threading.Thread(target=write, args=item) for item in enumerate(engines)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    registry = Registry(engine)
    assert failed == []
    assert sorted(version.version for version in found) == list(range(1, 33))
    assert registry.versions("churn") == sorted(found, key=lambda version: version.version)
    assert len(registry.versions("shared")) == 8
    assert [change.version for change in registry.alias_history("churn")][-1] == registry.aliases("churn")[
        "champion"
    ]
    for other in engines:
        other.close()


def test_patience_ends(registry, engine, monkeypatch):
    add(registry, "a")
    monkeypatch.setattr("warehouse_ml.registry.access.PATIENCE", 0.0)

    def refuse(*_, **__):
        raise ConflictError("")

    monkeypatch.setattr(DuckDBTransaction, "run", _failing("insert_version", refuse))
    with pytest.raises(RegistryError, match="Could not register a model: other writers were faster"):
        add(registry, "b")


def _failing(statement, fail):
    run = DuckDBTransaction.run
    return lambda self, name, *values: fail() if name == statement else run(self, name, *values)


def test_a_failed_change_leaves_nothing(engine, registry, monkeypatch):
    add(registry, "a")
    with monkeypatch.context() as patch:

        def fail():
            raise KeyboardInterrupt

        patch.setattr(DuckDBTransaction, "run", _failing("insert_version", fail))
        with pytest.raises(KeyboardInterrupt):
            add(registry, "b")
    assert registry.resolve("churn").version == 1
    assert add(registry, "b").version == 2


def test_ten_thousand_versions(tmp_path):
    path = tmp_path / "models.duckdb"
    engine = engine_module.connect(path)
    add(Registry(engine), "a")
    engine.connection.execute(
        "INSERT INTO warehouse_ml.registry_version BY NAME (SELECT * EXCLUDE (n) REPLACE ("
        "CASE WHEN n % 2 = 0 THEN 'big' ELSE 'small_' || n END AS name, n // 2 + 1 AS version, "
        "sha256(n::VARCHAR) AS sha256) FROM warehouse_ml.registry_version, range(10000) t(n))"
    )
    engine.connection.execute(
        "INSERT INTO warehouse_ml.registry_model SELECT name, max(version), max(version), NULL, 0 "
        "FROM warehouse_ml.registry_version WHERE name <> 'churn' GROUP BY name"
    )
    engine.close()
    start = time.perf_counter()
    engine = engine_module.connect(path)
    registry = Registry(engine)
    assert registry.resolve("big").version == 5000
    assert time.perf_counter() - start < 1
    start = time.perf_counter()
    for number in range(1, 51):
        assert registry.resolve("big", str(number)).version == number
    # About a millisecond each on an idle machine.
    assert time.perf_counter() - start < 1
    assert len(registry.models()) == 5002
    engine.close()


def test_another_writer_is_seen_at_once(engine, registry):
    add(registry, "a")
    other = Registry(engine.cursor())
    assert registry.resolve("churn").version == 1
    add(other, "b")
    assert registry.resolve("churn").version == 2
    other.set_alias("churn", "default", 1)
    assert registry.resolve("churn").version == 1
