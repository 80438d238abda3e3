"""Pushes to the emulation, where the functions run."""

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

from tests.engines.snowflake_account import engine_on, registry_rows
from tests.toy_models import every_type, twice
from warehouse_ml.deployment import Deployment
from warehouse_ml.engines.arrow import leaves_of
from warehouse_ml.engines.snowflake_scores import deployed_scores
from warehouse_ml.errors import (
    DeploymentRefusedError,
    ParityError,
    RegistryError,
    ScoringError,
    StagedFileError,
)
from warehouse_ml.parity.comparison import Expected
from warehouse_ml.parity.proof import Proof
from warehouse_ml.push import preparation, prove, publish, push, withdraw
from warehouse_ml.quoting import snowflake_literal
from warehouse_ml.registry.registry import Registry
from warehouse_ml.session import connect
from warehouse_ml.signature import Feature
from warehouse_ml.testing.snowflake import emulated_snowflake

CALLER = Deployment(caller_role="analyst")


@pytest.fixture
def source():
    with connect() as session:
        yield session


@pytest.fixture(scope="module")
def emulation():
    with emulated_snowflake(roles=["analyst"]) as account:
        yield account


def registered(session, name="churn", factor=2.0, **facts):
    onnx, signature = twice(factor)
    return session._registry.register(name, onnx, signature, **facts)


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
    pairs = ", ".join(f"{snowflake_literal(name)}, NULL" for name in signature.feature_names)
    with_keys = f"SELECT warehouse_ml.{version.function}(OBJECT_CONSTRUCT_KEEP_NULL({pairs})) AS p"
    assert list(engine.query(with_keys).rows()) == [(None,)]
    with pytest.raises(ScoringError, match="no key '.*', spelled so.* Make it by OBJECT_CONSTRUCT_KEEP_NULL"):
        list(engine.query(with_keys.replace("_KEEP_NULL", "")).rows())


@pytest.mark.parametrize("first", [True, False])
def test_a_version_that_another_push_adds_meanwhile_is_added_once(source, emulation, monkeypatch, first):
    database = f"MEANWHILE{first}"
    registered(source, "twin")
    registered(source, "twin", 3.0)
    engine, other = engine_on(emulation, database), engine_on(emulation, database)
    if not first:
        push("twin@2", source._registry, engine)
    others = [lambda: push("twin@1", source._registry, other)]

    def later(*arguments, **settings):
        if others:
            others.pop()()
        return preparation(*arguments, **settings)

    monkeypatch.setattr(
        "warehouse_ml.push.preparation", lambda *a, **s: lambda version: later(*a, **s)(version)
    )
    push("twin@1", source._registry, engine)
    found = engine.run(
        "SELECT version FROM warehouse_ml.registry_version WHERE name = 'twin' AND version = 1"
    )
    assert found == [(1,)]


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
        ParityError, match=r"'line@7' on Snowflake do not score as it was proved to: \d+ results differ"
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


def test_a_file_that_somebody_removed_or_changed_is_put_back(source, emulation, tmp_path):
    registered(source, "touched", factor=11.0)
    engine = engine_on(emulation, "TOUCHED")
    target = connect(engine.connection)
    source.push("touched", to=target)
    path = next(name for (name, *_) in engine.run("LIST @warehouse_ml.artifacts") if name.endswith(".onnx"))
    staged = f"@warehouse_ml.{path}"
    engine.run(f"REMOVE {staged}")
    with pytest.raises(StagedFileError, match="is missing; push the version again"):
        target.export("touched", tmp_path / "out.onnx")
    (tmp_path / "model.onnx").write_bytes(b"other")
    engine.run(f"PUT 'file://{tmp_path}/model.onnx' {staged.rpartition('/')[0]} AUTO_COMPRESS=FALSE")
    with pytest.raises(StagedFileError) as told:
        source.push("touched", to=target)
    remedy = str(told.value).partition("then ")[2].partition(" and push")[0]
    assert remedy == f"REMOVE {staged}"
    engine.run(remedy)
    source.push("touched", to=target)
    assert target.sql("SELECT PREDICT('touched', 2.0) AS p").fetchall() == [(22.0,)]


def test_secure_functions_stay_secure(source, emulation):
    registered(source, "secret")
    engine = engine_on(emulation, "SECRET")

    def shown():
        rows = engine.execute("SHOW USER FUNCTIONS IN SCHEMA warehouse_ml")
        columns = [column[0] for column in rows.description]
        found = {row[columns.index("name")]: row[columns.index("is_secure")] for row in rows.fetchall()}
        ours = ("WML_", "PREDICT", "TRY_")
        return {name: secure for name, secure in found.items() if name.startswith(ours)}

    push("secret", source._registry, engine, Deployment(secure=True))
    registry = Registry(engine)
    registry.set_alias("secret", "champion", 1)
    publish(engine, registry)
    assert len(shown()) == 5
    assert set(shown().values()) == {"Y"}
