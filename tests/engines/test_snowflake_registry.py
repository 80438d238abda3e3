"""The registry on Snowflake: the cases of tests/registry that need no DuckDB, and what is different here."""

import hashlib
import inspect
from datetime import datetime, timedelta

import pytest
from snowflake.connector import errors

from tests.engines.snowflake_account import Answer, QuickAccount
from tests.registry import test_registry as cases
from tests.toy_models import plain_signature
from warehouse_ml.engines.base import ConflictError
from warehouse_ml.errors import (
    CorruptModelError,
    FormatVersionError,
    RegistryError,
    StagedFileError,
    VersionNotFoundError,
)
from warehouse_ml.registry import access
from warehouse_ml.registry.registry import Registry
from warehouse_ml.registry.rows import Plan

NEEDED = {
    name: set(inspect.signature(case).parameters)
    for name, case in vars(cases).items()
    if name.startswith("test_")
}
SHARED = [name for name, needed in NEEDED.items() if "registry" in needed and "engine" not in needed]
globals().update({name: vars(cases)[name] for name in SHARED})


@pytest.fixture
def account():
    return QuickAccount()


@pytest.fixture
def engine(account):
    return account.engine()


@pytest.fixture
def registry(engine):
    return Registry(engine)


def add(registry, content, name="churn", **facts):
    return registry.register(name, content.encode(), plain_signature(), **facts)


def test_the_cases_of_the_registry_are_shared():
    assert {"test_what_is_not_found", "test_numbers_are_never_used_again"} <= set(SHARED)
    assert len(SHARED) >= 10


def test_bytes_are_files_of_the_stage(account, engine, registry):
    version = add(registry, "abc", proof=b"proof", plan=Plan("{}", b"plan"))
    assert registry.load(version) == b"abc"
    assert registry.load_proof(version) == b"proof"
    assert registry.load(version, "plan") == b"plan"
    assert registry.load(version, "facts") == b"{}"
    digest = hashlib.sha256(b"proof").hexdigest()
    rows = engine.run("SELECT proof, proof_sha256, proof_size FROM warehouse_ml.registry_version")
    assert rows == [(f"models/churn/1/{digest[:16]}/proof.arrow", digest, 5)]
    assert b"proof" in account.stage.values()


def test_a_changed_file_is_not_loaded(account, registry):
    version = add(registry, "abc", proof=b"proof")
    for path in account.stage:
        account.stage[path] = b"other"
    for load in (registry.load, registry.load_proof):
        with pytest.raises(CorruptModelError, match=r"'churn@1' are damaged \(the staged file of"):
            load(version)


def test_a_file_that_is_gone_is_named(account, registry):
    version = add(registry, "abc")
    account.stage.clear()
    with pytest.raises(StagedFileError, match=r"model\.onnx' cannot be read"):
        registry.load(version)


@pytest.mark.parametrize(
    "path", ["../../x", "models/a/1/x 'file:///etc/'", "models/churn/1/0123456789abcdef/.."]
)
def test_a_path_of_another_form_is_in_no_statement(account, engine, registry, path):
    version = add(registry, "abc")
    engine.run("UPDATE warehouse_ml.registry_version SET onnx = ?", [path])
    before = len(account.statements)
    with pytest.raises(StagedFileError, match="has no path of a model"):
        registry.load(version)
    assert not any(statement.startswith("GET") for statement in account.statements[before:])


def test_dropping_forgets_the_files(engine, registry):
    add(registry, "abc", proof=b"proof", plan=Plan("{}", b"plan"))
    registry.drop_model("churn")
    rows = engine.run("SELECT onnx, proof, dropped_at IS NULL FROM warehouse_ml.registry_version")
    assert rows == [(None, None, False)]
    assert engine.run("SELECT * FROM warehouse_ml.registry_plan") == []


def test_moments_are_utc_and_as_of_follows_the_default(engine, registry):
    before = datetime.now().astimezone().replace(tzinfo=None) - datetime.now().astimezone().utcoffset()
    versions = [add(registry, content) for content in "ab"]
    assert abs(versions[0].created_at - before) < timedelta(minutes=1)
    registry.set_alias("churn", "default", 1)
    engine.run("UPDATE warehouse_ml.registry_version SET created_at = DATEADD(day, version - 5, created_at)")
    day = {days: (before - timedelta(days=days)).isoformat() for days in (0, 2, 3.5)}
    asked = {days: registry.resolve("churn", f"asof:{moment}").version for days, moment in day.items()}
    assert asked == {0: 2, 2: 2, 3.5: 1}
    later = (before + timedelta(days=1)).isoformat()
    assert registry.resolve("churn", f"asof:{later}").version == 1


def test_a_newer_registry_is_refused(engine, registry):
    add(registry, "a")
    engine.run("UPDATE warehouse_ml.registry_format SET format_version = 99")
    with pytest.raises(FormatVersionError, match="99"):
        Registry(engine).models()


def test_the_views(engine, registry):
    for content in "ab":
        add(registry, content, comment=content, tags={"team": "risk"})
    registry.set_alias("churn", "champion", 1)
    ((name, newest, default, count, task, comment),) = engine.run(
        "SELECT name, newest_version, default_version, versions, task, comment FROM warehouse_ml.models"
    )
    assert (name, newest, default, count, task, comment) == ("churn", 2, 2, 2, "regression", "b")
    rows = engine.run(
        "SELECT version, aliases[0]::VARCHAR, features[0]::VARCHAR, tags:team::VARCHAR, function "
        "FROM warehouse_ml.versions ORDER BY version"
    )
    functions = [version.function for version in registry.versions("churn")]
    assert rows == [(1, "champion", "a", "risk", functions[0]), (2, None, "a", "risk", functions[1])]


def interrupting(registry, account, change):
    """Let another writer make a change just before the registry's next transaction begins."""
    answer = account._answer

    def between(sql, parameters):
        if sql == "SELECT CURRENT_TRANSACTION()":
            account._answer = answer
            change()
        return answer(sql, parameters)

    account._answer = between


def test_a_registration_that_another_overtook_takes_the_next_number(account, registry):
    add(registry, "a")
    prepared = []
    interrupting(registry, account, lambda: add(Registry(account.engine()), "b"))
    stored = registry.register(
        "churn", b"c", plain_signature(), prepare=lambda version: prepared.append(version.version)
    )
    assert (stored.version, prepared) == (3, [2, 3])
    assert [registry.load(version) for version in registry.versions("churn")] == [b"a", b"b", b"c"]


def test_the_first_registration_of_two_at_once_is_the_first(account, registry):
    interrupting(registry, account, lambda: add(Registry(account.engine()), "b"))
    assert add(registry, "a").version == 2
    assert len(account.engine().run("SELECT * FROM warehouse_ml.registry_model")) == 1


def test_an_alias_is_not_set_to_a_version_that_was_just_dropped(account, registry):
    for content in "ab":
        add(registry, content)
    interrupting(registry, account, lambda: Registry(account.engine()).drop_model("churn", 1))
    with pytest.raises(VersionNotFoundError, match="no version '1'"):
        registry.set_alias("churn", "champion", 1)
    assert registry.aliases("churn") == {}


def test_a_version_is_not_dropped_that_an_alias_was_just_set_to(account, registry):
    for content in "ab":
        add(registry, content)
    other = Registry(account.engine())
    interrupting(registry, account, lambda: other.set_alias("churn", "champion", 1))
    with pytest.raises(RegistryError, match="'champion' points to"):
        registry.drop_model("churn", 1)
    assert registry.resolve("churn", "champion").version == 1


def test_a_pushed_lower_number_is_not_there_twice(account, registry):
    version = add(registry, "a")
    target = QuickAccount()
    registries = [Registry(target.engine()) for _ in range(3)]
    registries[0].adopt(add(registry, "b"), b"b")
    interrupting(registries[1], target, lambda: registries[2].adopt(version, b"a"))
    assert registries[1].adopt(version, b"a") == version
    assert [found.version for found in registries[0].versions("churn")] == [1, 2]


def test_a_transaction_holds_changes_and_questions_alone(account, registry):
    add(registry, "a", proof=b"proof", plan=Plan("{}", b"plan"))
    begin = account.statements.index("BEGIN")
    within = account.statements[begin + 1 : account.statements.index("COMMIT")]
    assert {statement.split()[0] for statement in within} == {"UPDATE", "INSERT", "SELECT"}


def test_a_lock_that_is_waited_for_in_vain_is_tried_again(account, registry):
    add(registry, "a")
    answer, waits = account._answer, [True]

    def locked(sql, parameters):
        if sql.startswith("UPDATE") and waits.pop() if waits else False:
            raise errors.ProgrammingError("has locked table", errno=625, sqlstate="57014")
        return answer(sql, parameters)

    account._answer = locked
    registry.set_alias("churn", "champion", 1)
    assert registry.aliases("churn") == {"champion": 1}


def test_patience_ends(account, registry, monkeypatch):
    add(registry, "a")
    monkeypatch.setattr(access, "PATIENCE", 0.05)
    answer = account._answer
    monkeypatch.setattr(
        account,
        "_answer",
        lambda sql, values: Answer([(0, 0)]) if sql.startswith("UPDATE") else answer(sql, values),
    )
    with pytest.raises(RegistryError, match="other writers were faster") as raised:
        Registry(account.engine()).set_alias("churn", "champion", 1)
    assert isinstance(raised.value.__cause__, ConflictError)


def test_a_failed_change_leaves_nothing(account, registry):
    add(registry, "a")
    answer = account._answer

    def stopped(sql, parameters):
        if sql.startswith("INSERT INTO warehouse_ml.registry_alias_change"):
            raise KeyboardInterrupt
        return answer(sql, parameters)

    account._answer = stopped
    with pytest.raises(KeyboardInterrupt):
        registry.set_alias("churn", "default", 1)
    account._answer = answer
    assert registry.aliases("churn") == {}
    assert account.engine().run("SELECT default_version, alias_changes FROM warehouse_ml.registry_model") == [
        (None, 0)
    ]
