import logging
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from snowflake.connector import errors

from tests.engines.snowflake_account import QuickAccount, engine_on, registry_rows
from tests.toy_models import every_type, twice
from warehouse_ml import deployment as deployments
from warehouse_ml import push as pushing
from warehouse_ml.deployment import Deployment
from warehouse_ml.engines.arrow import leaves_of
from warehouse_ml.engines.snowflake_ddl import handler_files
from warehouse_ml.engines.snowflake_scores import deployed_scores
from warehouse_ml.errors import (
    DeploymentRefusedError,
    ParityError,
    RegistryError,
    StagedFileError,
    VersionTakenError,
)
from warehouse_ml.parity.comparison import Expected
from warehouse_ml.parity.proof import Proof
from warehouse_ml.push import preparation, prove, publish, push, withdraw
from warehouse_ml.registry.registry import Registry
from warehouse_ml.registry.rows import Plan
from warehouse_ml.session import connect
from warehouse_ml.signature import Feature
from warehouse_ml.testing.snowflake import emulated_snowflake

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


@pytest.fixture(scope="module")
def emulation():
    with emulated_snowflake(roles=["analyst"]) as account:
        yield account


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


# --- on an account that is quick ----------------------------------------------------------------


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


def test_a_dry_run_shows_what_a_push_sends(source, quick, monkeypatch):
    monkeypatch.setattr(pushing, "publish", lambda *arguments: None)
    version = registered(source, proof=PROOF, plan=Plan("{}", b"plan"))
    pushed(source, quick)
    makes = [
        re.sub(r"(file://)[^']*/warehouse_ml_[^/']*/", r"\1", statement)
        for statement in quick.statements
        if not statement.startswith(("SELECT", "GET", "USE"))
    ]
    shown = deployments.statements(version, CALLER, proof=PROOF, plan=b"plan")
    assert shown == list(dict.fromkeys(makes))


# --- on the emulation ---------------------------------------------------------------------------


def test_scores_there_are_those_of_duckdb(source, emulation):
    draw = np.random.default_rng(0)
    rows = pd.DataFrame({"a": draw.normal(size=200), "b": draw.normal(size=200)})
    rows["y"] = np.where(rows.a + rows.b > 0, "yes", "no")
    version = source.train("trained", LogisticRegression(), rows, target="y")
    engine = engine_on(emulation, "TRAINED")
    push("trained", source._registry, engine)
    values = ", ".join(f"({a!r}, {b!r})" for a, b in rows[["a", "b"]].to_numpy()[:40].tolist())
    scores = "{}(a, b), {}_proba(a, b), {}_try(a, NULL)"
    query = f"SELECT {scores} FROM (VALUES {values}) AS t (a, b) ORDER BY a"
    there = engine.query(query.replace("{}", f"warehouse_ml.{version.function}"))
    here = source.sql(query.replace("{}", version.function))
    for found, wanted in zip(there.rows(), here.fetchall(), strict=True):
        assert found[0] == wanted[0]
        assert found[1] == pytest.approx(wanted[1], rel=1e-12)
        assert found[2] is wanted[2] is None


def test_every_type_comes_back(source, emulation):
    onnx, signature = every_type()
    version = source._registry.register("types", onnx, signature)
    engine = engine_on(emulation)
    Registry(engine).adopt(version, onnx, prepare=preparation(engine, onnx, None))
    moment = np.array(["2026-01-02T03:04:05.678901"], dtype="datetime64[us]")
    row = pa.table({"d": [0.1], "i": [9007199254740993], "b": [None], "s": ["é\\'\n"], "t": moment})
    there = [values[0] for values, _ in deployed_scores(engine, version, "predict", row)]
    here = leaves_of(source._engine.score({"onnx": onnx}, signature, "predict", row), signature.prediction)
    assert (
        there
        == [values[0] for values, _ in here]
        == [0.1, 9007199254740993, True, "é\\'\n", 1767323045678901.0]
    )


def classes(draw):
    rows = pd.DataFrame({"a": draw.normal(size=90), "b": draw.integers(0, 50, size=90)})
    rows["label"] = np.array(["low", "é", "it's"])[(rows.a > -0.5).astype(int) + (rows.a > 0.5)]
    return LogisticRegression(), rows, "label"


def several(draw):
    rows = pd.DataFrame({"a": draw.normal(size=60), "b": draw.normal(size=60)})
    rows["left"], rows["right"] = 2 * rows.a, rows.b - 1
    return LinearRegression(), rows, ["left", "right"]


def words(draw):
    texts = np.array(["good day", "bad night", "good night", "no day at all", "Bad"])
    rows = pd.DataFrame({"text": draw.choice(texts, size=80)})
    rows["y"] = rows.text.str.len().astype(float)
    pipeline = make_pipeline(ColumnTransformer([("words", TfidfVectorizer(), "text")]), LinearRegression())
    return pipeline, rows, "y"


def categories(draw):
    rows = pd.DataFrame({"plan": draw.choice(["a", "b", None], size=80), "n": draw.normal(size=80)})
    rows.loc[::7, "n"] = np.nan
    rows["y"] = rows.n.fillna(0) + (rows.plan == "a")
    encoder = OneHotEncoder(handle_unknown="error")
    parts = [("plan", encoder, ["plan"]), ("n", SimpleImputer(), ["n"])]
    return make_pipeline(ColumnTransformer(parts), LinearRegression()), rows, "y"


@pytest.mark.parametrize("case", [classes, several, words, categories])
def test_models_of_each_kind_are_proved_there(source, emulation, case):
    estimator, rows, target = case(np.random.default_rng(0))
    version = source.train(case.__name__, estimator, rows, target=target)
    engine = engine_on(emulation, case.__name__)
    push(case.__name__, source._registry, engine)
    proof = source._registry.load_proof(version)
    report = prove(engine, version, proof)
    assert (report.mismatches, report.rows > 30) == (0, True)
    assert Registry(engine).load_proof(version) == proof


def test_packed_features_are_proved_there(source, emulation):
    onnx, signature = twice()
    others = tuple(Feature(f"it's {place}", "DOUBLE", "model") for place in range(500))
    signature = replace(signature, features=(*signature.features, *others))
    version = source._registry.register("packed", onnx, signature)
    values = {f"f{place}": [1.5, None, 0.1] for place in range(501)}
    truth = Expected(
        {"try_predict": (np.array([3.0, None, 0.2]),)}, np.array([0, 1, 0], bool), np.zeros(3, bool), ""
    )
    proof = Proof(pa.table(values), truth, 3).to_bytes()
    engine = engine_on(emulation, "PACKED")
    stored = Registry(engine).adopt(version, onnx, prepare=preparation(engine, onnx, proof))
    assert stored == version
    other = Expected({"try_predict": (np.array([3.0, None, 0.3]),)}, *[truth.null, truth.refused], "")
    with pytest.raises(ParityError, match="1 results differ"):
        prove(engine, version, Proof(pa.table(values), other, 3).to_bytes())


def test_functions_that_score_otherwise_are_not_registered(source, emulation):
    rows = pd.DataFrame({"a": np.arange(20.0), "y": np.arange(20.0) * 2})
    version = source.register("line", LinearRegression().fit(rows[["a"]], rows.y), rows[["a"]])
    proof = source._registry.load_proof(version)
    engine = engine_on(emulation, "OTHERWISE")
    Registry(engine).register("first", *twice())
    onnx, signature = twice(3.0)
    other = replace(source._registry.register("line", onnx, signature), version=7)
    prepare = preparation(engine, onnx, proof, Deployment())
    with pytest.raises(
        ParityError, match=r"'line@7' on Snowflake .* not registered there: \d+ results differ"
    ):
        prepare(other)
    with pytest.raises(ParityError) as raised:
        prove(engine, other, proof)
    assert "19.0" not in str(raised.value)
    assert [version.reference for version in Registry(engine).live_versions()] == ["first@1"]


REFUSED = [
    (Deployment(caller_role="nobody"), "NOBODY.* Check the names of the database and the role"),
    (Deployment(packages=("numpy==2.0.0",)), "No module named 'pandas' Check that .*pandas"),
]


@pytest.mark.parametrize(("deployment", "message"), REFUSED, ids=["role", "packages"])
def test_what_snowflake_refuses_is_said_and_not_registered(source, emulation, deployment, message):
    registered(source, "refused")
    engine = engine_on(emulation, f"REFUSED_{deployment.caller_role}")
    with pytest.raises(DeploymentRefusedError, match=f"'refused@1' could not be deployed: .*{message}"):
        push("refused", source._registry, engine, deployment)
    assert Registry(engine).live_versions() == []


def test_a_dropped_version_is_taken_away(source, emulation):
    registered(source, "gone")
    registered(source, "gone", factor=3.0)
    engine = engine_on(emulation, "GONE")
    versions = [push(f"gone@{number}", source._registry, engine) for number in (1, 2)]
    registry = Registry(engine)
    with pytest.raises(RegistryError, match="'gone@1' is still registered"):
        withdraw(engine, versions)
    registry.drop_model("gone", 1)
    publish(engine, registry)
    for _ in range(2):
        withdraw(engine, versions[:1])
    with pytest.raises(errors.ProgrammingError):
        engine.run(f"SELECT warehouse_ml.{versions[0].function}(1)")
    assert engine.run(f"SELECT warehouse_ml.{versions[1].function}(1)") == [(3.0,)]
    files = [row[0] for row in engine.run("LIST @warehouse_ml.artifacts/models/gone/")]
    assert len(files) >= 2
    assert all("models/gone/2/" in file for file in files)


def test_a_session_there_registers_proves_and_scores(emulation):
    rows = pd.DataFrame({"a": np.arange(30.0), "y": 3 * np.arange(30.0)})
    with connect(emulation.session("DIRECT")) as session:
        version = session.train("line", LinearRegression(), rows, target="y", test_fraction=0)
        assert version.version == 1
        engine = session._engine
        ((score,),) = engine.run(f"SELECT warehouse_ml.{version.function}(7)")
        assert score == pytest.approx(21)
        session.set_alias("line", "champion", 1)
        call = "SELECT warehouse_ml.predict('line@champion', OBJECT_CONSTRUCT('a', 7))::FLOAT"
        assert engine.run(call)[0][0] == pytest.approx(21)
        assert prove(engine, version, session._registry.load_proof(version)).passed


def test_nothing_of_rows_or_weights_is_written_anywhere(source, emulation, caplog):
    caplog.set_level(logging.DEBUG)
    rows = pd.DataFrame({"a": [1.25, 77123.5, 3.0, 5.0], "y": [918273.75, 2.0, 3.5, 9.0]})
    estimator = LinearRegression().fit(rows[["a"]], rows.y)
    source.register("quiet", estimator, rows[["a"]])
    before = len(emulation.statements)
    push("quiet", source._registry, engine_on(emulation, "QUIET"), CALLER)
    texts = "\n".join([*emulation.statements[before:], *caplog.messages])
    for secret in ("77123", "918273", repr(float(estimator.coef_[0]))[:9]):
        assert secret not in texts


def test_a_model_registered_there_is_deployed_and_proved(emulation, source):
    onnx, signature = twice()
    engine = engine_on(emulation, "THERE")
    registry = Registry(engine)
    version = registry.register(
        "direct", onnx, signature, prepare=preparation(engine, onnx, None, Deployment())
    )
    assert version.version == 1
    assert engine.run(f"SELECT warehouse_ml.{version.function}(2.5)") == [(5.0,)]
    assert registry.register("direct", onnx, signature, prepare=lambda found: None) == version
    assert registry_rows(engine)["model"] == [("direct", 1, 1, None, 0)]
