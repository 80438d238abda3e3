"""Pushes to an account that is quick: what is sent, and in which order; see also test_push_emulated."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from snowflake.connector import errors

from tests.engines.snowflake_account import QuickAccount
from tests.toy_models import twice
from warehouse_ml import deployment as deployments
from warehouse_ml import push as pushing
from warehouse_ml.backends.make_plan import with_tensors
from warehouse_ml.deployment import Deployment
from warehouse_ml.engines.snowflake_ddl import handler_files, model_files
from warehouse_ml.errors import (
    ArgumentError,
    KeptDeploymentWarning,
    RegistryError,
    StagedFileError,
    VersionTakenError,
)
from warehouse_ml.parity.comparison import Expected
from warehouse_ml.parity.proof import Proof
from warehouse_ml.push import publish, push
from warehouse_ml.registry.registry import Registry
from warehouse_ml.registry.rows import Plan
from warehouse_ml.session import Session, connect

PROOF = Proof(
    pa.table({"f0": [1.0, 2.0]}),
    Expected(
        {"try_predict": (np.array([2.0, 4.0], dtype=object),)}, np.zeros(2, bool), np.zeros(2, bool), ""
    ),
    2,
).to_bytes()
CALLER = Deployment(caller_role="analyst")


@pytest.fixture
def source():
    with connect() as session:
        yield session


@pytest.fixture
def quick():
    return QuickAccount()


@pytest.fixture(autouse=True)
def no_proof(monkeypatch, request):
    """A quick account cannot score."""
    if "quick" in request.fixturenames:
        monkeypatch.setattr(pushing, "prove", lambda engine, version, proof: None)


def registered(session, name="churn", factor=2.0, **facts):
    onnx, signature = twice(factor)
    return session._registry.register(name, onnx, signature, **facts)


def planned(session, name="churn"):
    facts = {"tags": {"team": "risk"}, "comment": "it's \\ 'here'", "plan": Plan("{}", b"plan")}
    version = registered(session, name, **facts)
    session.set_alias(name, "champion", 1)
    return version


def test_a_pushed_version_is_the_same_there(source, quick):
    version = planned(source)
    assert push("churn@champion", source._registry, quick.engine()) == version
    target = Registry(quick.engine())
    assert target.versions("churn") == [version]
    assert target.load(version) == source._registry.load(version)
    assert target.load(version, "plan") == b"plan"
    assert target.aliases("churn") == {}


def test_numbers_stay(source, quick):
    for factor in (2.0, 3.0, 4.0):
        registered(source, factor=factor)
    for number in (3, 1):
        assert push(f"churn@{number}", source._registry, quick.engine()).version == number
    target = Registry(quick.engine())
    assert [version.version for version in target.versions("churn")] == [1, 3]
    assert target.resolve("churn").version == 3


def test_pushing_again_changes_nothing(source, quick):
    planned(source)
    push("churn", source._registry, quick.engine(), CALLER, aliases="all")
    before = quick.state()
    push("churn", source._registry, quick.engine(), CALLER, aliases="all")
    assert quick.state() == before


def test_what_is_missing_is_made_again(source, quick):
    planned(source)
    push("churn", source._registry, quick.engine())
    before = quick.state()
    quick.functions.clear()
    quick.stage.pop(f"{handler_files()[0].path}")
    push("churn", source._registry, quick.engine())
    assert quick.state() == before


def pushed(source, account, name="churn"):
    push(name, source._registry, account.engine(), CALLER, aliases="all")
    return account


def fail(source, account, place, name="churn", *, done_before=False):
    """Push, and fail at a statement; a version that is to be seen then has all its functions and files."""
    account.fail_at, account.done_before = len(account.statements) + place, done_before
    with pytest.raises(errors.OperationalError, match="lost"):
        pushed(source, account, name)
    if name in [version.name for version in Registry(account.engine()).live_versions()]:
        assert len([function for function in account.functions if f"wml_{name}_" in function]) == 2
        assert len([path for path in account.stage if f"models/{name}/" in path]) == 3


def test_the_first_push_is_finished_by_the_next_wherever_it_failed(source, quick):
    planned(source)
    sent, wanted = list(pushed(source, quick).statements), quick.state()
    first = next(place for place, statement in enumerate(sent) if statement.startswith("PUT"))
    for place in range(1, first + 1):
        account = QuickAccount()
        fail(source, account, place, done_before=place % 2 == 0)
        assert pushed(source, account).state() == wanted


def test_a_push_is_finished_by_the_next_wherever_it_failed(source, quick):
    planned(source, "before")
    planned(source)
    before = len(pushed(source, quick, "before").statements)
    count = len(pushed(source, quick).statements) - before
    assert count > 30
    for place in range(1, count + 1):
        name = f"other_{place}"
        planned(source, name)
        fail(source, quick, place, name)
        if place % 4 == 0 and place < count / 2:
            fail(source, quick, place, name, done_before=True)
        pushed(source, quick, name)
        assert of_model(quick, name).replace(name, "churn") == of_model(quick, "churn")


def of_model(account, name):
    """What there is of one model, as text."""
    rows, stage, functions, granted = account.state()
    functions = {function: text for function, text in functions.items() if "wml_" in function}
    found = [
        *(str(row) for table in rows.values() for row in table if row[0] == name),
        *sorted(path for path in stage if path.startswith(f"models/{name}/")),
        *sorted(text for text in (*functions.values(), *granted) if f"wml_{name}_" in text),
    ]
    return re.sub(r"datetime\.datetime\([^)]*\)", "moment", "\n".join(found))


@pytest.mark.parametrize("verb", ["BEGIN", "UPDATE", "INSERT", "COMMIT"])
def test_an_answer_that_is_lost_is_no_loss(source, quick, verb):
    planned(source)
    sent, wanted = list(pushed(source, quick).statements), quick.state()
    for place in [place for place, statement in enumerate(sent, 1) if statement.startswith(verb)]:
        account = QuickAccount()
        fail(source, account, place, done_before=True)
        assert pushed(source, account).state() == wanted


def test_a_number_that_is_taken_is_refused_before_anything_is_changed(source, quick):
    registered(source, factor=5.0)
    push("churn", source._registry, quick.engine())
    before = quick.state()
    with connect() as other:
        registered(other, factor=6.0)
        with pytest.raises(VersionTakenError, match="'churn@1' exists in the target already.*SHA-256"):
            push("churn", other._registry, quick.engine())
    assert quick.state() == before


def test_a_version_that_was_dropped_there_stays_dropped(source, quick):
    registered(source)
    push("churn", source._registry, quick.engine())
    Registry(quick.engine()).drop_model("churn")
    with pytest.raises(VersionTakenError, match="dropped"):
        push("churn", source._registry, quick.engine())


def test_another_file_of_the_stage_is_refused_and_kept(source, quick):
    registered(source)
    path = handler_files()[1].path
    quick.stage[path] = b"print('other')"
    with pytest.raises(StagedFileError, match="onnx_udf.py' is another one: SHA-256"):
        push("churn", source._registry, quick.engine())
    assert quick.stage[path] == b"print('other')"
    assert quick.functions == {}
    assert Registry(quick.engine()).live_versions() == []


def test_a_file_that_the_stage_does_not_take_is_an_error(source, quick, monkeypatch):
    registered(source)
    monkeypatch.setattr(quick, "_put", lambda sql: [("", "", 0, 0, "", "", "ERROR", "full")])
    with pytest.raises(StagedFileError, match="was not taken"):
        push("churn", source._registry, quick.engine())


def test_an_alias_that_does_not_point_there_is_refused_first(source, quick):
    planned(source)
    with pytest.raises(RegistryError, match="'other' does not point to 'churn@1'"):
        push("churn", source._registry, quick.engine(), aliases=["Champion", "other"])
    assert quick.statements == []


def test_aliases_move_with_the_version_where_that_is_asked(source, quick):
    planned(source)
    push("churn", source._registry, quick.engine(), aliases=["Champion"])
    assert Registry(quick.engine()).aliases("churn") == {"champion": 1}


def test_functions_that_dispatch_know_a_version_that_came_in_between(source, quick, monkeypatch):
    registered(source)
    seen = []
    write = pushing.dispatch_statements

    def between(versions, pointers, deployment):
        seen.append(([version.reference for version in versions], pointers))
        if len(seen) == 1:
            with connect() as other:
                push("other", planned_in(other, "other"), quick.engine())
        return write(versions, pointers, deployment)

    monkeypatch.setattr(pushing, "dispatch_statements", between)
    push("churn", source._registry, quick.engine())
    assert seen[0] == (["churn@1"], {"churn": {"default": 1}})
    assert seen[-1] == (["churn@1", "other@1"], {"churn": {"default": 1}, "other": {"default": 1}})
    assert "other@1" in quick.functions["warehouse_ml.predict"]


def planned_in(session, name):
    planned(session, name)
    return session._registry


def test_functions_that_dispatch_are_granted(source, quick):
    registered(source)
    push("churn", source._registry, quick.engine(), CALLER)
    grant = 'GRANT USAGE ON FUNCTION warehouse_ml.predict(VARCHAR, OBJECT) TO ROLE "ANALYST"'
    assert grant in quick.granted


def test_only_snowflake_is_pushed_to(source):
    registered(source)
    with pytest.raises(RegistryError, match="DuckDB 'memory' is none"):
        push("churn", source._registry, source._engine)


def test_a_user_s_transaction_is_left_alone(source, quick):
    registered(source)
    engine = quick.engine()
    push("churn", source._registry, engine)
    engine.run("BEGIN")
    with pytest.raises(RegistryError, match="open transaction"):
        Registry(engine).set_alias("churn", "champion", 1)
    assert quick.statements[-1] == "SELECT CURRENT_TRANSACTION()"


def test_a_dry_run_shows_what_a_push_sends(source, quick):
    version = registered(source, proof=PROOF, plan=Plan("{}", b"plan"))
    source.set_alias("churn", "champion", 1)
    pushed(source, quick)
    makes = [
        re.sub(r"(file://)[^']*/warehouse_ml_[^/']*/", r"\1", statement)
        for statement in quick.statements
        if not statement.startswith(("SELECT", "GET", "USE", "SHOW"))
    ]
    shown = deployments.statements(version, CALLER, proof=PROOF, plan=b"plan", aliases=["champion"])
    assert list(dict.fromkeys(shown)) == list(dict.fromkeys(makes))
    assert any("churn@champion" in statement for statement in shown)
    assert source.push_statements("churn", deployment=CALLER, aliases="all") == deployments.statements(
        version, CALLER, proof=PROOF, plan=source._registry.load(version, "plan"), aliases=["champion"]
    )


def test_a_live_version_stays_where_the_source_has_another_plan_by_now(source, quick):
    version = registered(source)
    push("churn", source._registry, quick.engine())
    live = dict(quick.stage)
    registered(source, plan=Plan("{}", with_tensors(b"", b"tensor operators")))
    for _ in range(2):
        with pytest.warns(KeptDeploymentWarning, match="'churn@1' is live with other tensor operators"):
            assert push("churn", source._registry, quick.engine()) == version
    assert {path: quick.stage[path] for path in live} == live
    assert not [path for path in quick.stage if path.endswith("tensors.onnx")]
    quick.stage[model_files(version)[1].path] = b'{"sha256": "other"}'
    with pytest.raises(StagedFileError, match=r"deployment\.json' is another one"):
        push("churn", source._registry, quick.engine())


WRONG = [
    ({"deployment": {"secure": True}}, ArgumentError, r"push\(deployment=…\) takes a Deployment\(.*'dict'"),
    ({"to": Path("shop.duckdb")}, ArgumentError, r"push\(to=…\) takes a session on Snowflake.*'PosixPath'"),
    ({"to": None}, ArgumentError, "'NoneType'"),
    ({"to": "prod"}, RegistryError, "write 'snowflake://prod'"),
    ({"to": "shop.duckdb"}, RegistryError, "pushed to Snowflake; write 'snowflake://<name of a connection>'"),
    ({"to": "/tmp/shop"}, RegistryError, "pushed to Snowflake; write 'snowflake://<name of a connection>'"),
    ({"aliases": 5}, ArgumentError, r"push\(aliases=…\) takes a list of aliases, or 'all', not .*'int'"),
    ({"aliases": ["champion", 5]}, ArgumentError, "takes a list of aliases"),
    ({"reference": 5}, ArgumentError, r"push\(reference=…\) takes"),
]


@pytest.mark.parametrize(("given", "kind", "message"), WRONG)
def test_what_is_no_argument_of_a_push_is_said(source, quick, tmp_path, monkeypatch, given, kind, message):
    monkeypatch.chdir(tmp_path)
    planned(source)
    with pytest.raises(kind, match=message):
        source.push(**{"reference": "churn", "to": Session(quick.engine()), **given})
    assert list(tmp_path.iterdir()) == []
    assert quick.statements == []


def test_a_session_takes_a_deployment_only():
    with pytest.raises(TypeError, match=r"connect\(deployment=…\) takes a Deployment"):
        connect(deployment={"secure": True})


def test_trees_are_pushed_as_tensor_operators_too(source, quick):
    tensors = b"tensor operators"
    planned(source)
    version = registered(source, "tall", factor=5.0, plan=Plan("{}", with_tensors(b"", tensors)))
    folder = model_files(version)[0].folder
    push("tall", source._registry, quick.engine())
    assert quick.stage[f"{folder}/tensors.onnx"] == tensors
    facts = json.loads(quick.stage[f"{folder}/deployment.json"])
    assert facts["tensors"] == hashlib.sha256(tensors).hexdigest()
    shown = deployments.statements(version, CALLER, plan=with_tensors(b"", tensors))
    assert any("tensors.onnx" in text for text in shown)
    assert not any("tensors.onnx" in text for text in deployments.statements(version, CALLER))


SECURE = Deployment(secure=True)


def secure_names(account):
    return {name.rpartition(".")[2] for name, made in account.functions.items() if " SECURE FUNCTION" in made}


def test_what_is_secure_stays_secure(source, quick):
    version = registered(source)
    push("churn", source._registry, quick.engine(), SECURE)
    secure = secure_names(quick)
    assert secure == {"predict", "predict_proba", "try_predict", *map(version.function_of, version.methods)}
    registered(source, factor=3.0)
    second = push("churn@2", source._registry, quick.engine())
    assert secure_names(quick) == secure
    registry = Registry(quick.engine())
    registry.set_alias("churn", "champion", 2)
    publish(quick.engine(), registry)
    assert secure_names(quick) == secure
    push("churn@1", source._registry, quick.engine(), Deployment(replace=True))
    assert secure_names(quick) == secure
    assert not secure & set(map(second.function_of, second.methods))


def test_a_function_that_exists_is_not_made_secure_in_silence(source, quick):
    version = registered(source)
    push("churn", source._registry, quick.engine())
    with pytest.raises(RegistryError, match=r"'churn@1' exist and are not SECURE.* replace=True"):
        push("churn", source._registry, quick.engine(), SECURE)
    assert secure_names(quick) == set()
    push("churn", source._registry, quick.engine(), Deployment(secure=True, replace=True))
    assert {version.function, "predict"} <= secure_names(quick)
    push("churn", source._registry, quick.engine(), SECURE)
