"""The whole way of a GPU service: pushed, its files mounted, called by SQL, on a server that really runs.

Pool, service and functions are made by the statements of `wml service create`; the device is the CPU.
"""

import signal
import urllib.request
from dataclasses import replace
from time import monotonic, sleep

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import warehouse_ml as wml
from tests.udfs.service_load import free_port, start_server
from warehouse_ml.engines import snowflake_service as ddl
from warehouse_ml.testing.snowflake import emulated_snowflake

ROWS = 300


@pytest.fixture(scope="module")
def customers():
    draw = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "id": range(ROWS),
            "age": draw.normal(40, 12, ROWS),
            "calls": draw.integers(0, 9, ROWS).astype(float),
            "plan": draw.choice(["basic", "gold", "ünï'c"], ROWS),
        }
    )
    frame.loc[::17, "age"] = np.nan
    return frame


@pytest.fixture(scope="module")
def duckdb(customers):
    features = customers[["age", "calls", "plan"]]
    churned = (customers.age.fillna(0) + 4 * customers.calls > 50).astype(int)
    plans = make_column_transformer((OneHotEncoder(), ["plan"]), remainder="passthrough")
    forest = make_pipeline(plans, RandomForestClassifier(12, random_state=0)).fit(features, churned)
    numbers = features[["calls"]]
    with wml.connect() as session:
        session.connection.register("customers", pa.Table.from_pandas(customers, preserve_index=False))
        session.register("churn", forest, features)
        session.register("plan", LogisticRegression().fit(numbers, customers.plan), numbers)
        yield session


def mounted(snowpark, folder):
    """The stage of models as a service sees it: a volume of its files."""
    for row in snowpark.sql("LIST @warehouse_ml.artifacts/models").collect():
        path = row[0].partition("/models/")[2]
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        snowpark.file.get(f"@warehouse_ml.artifacts/models/{path}", str(target.parent))
    return folder


def wait_until_ready(port, server):
    until = monotonic() + 60
    while monotonic() < until:
        assert server.poll() is None, server.stderr.read()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            sleep(0.05)
    raise TimeoutError("the service did not become ready")


@pytest.fixture(scope="module")
def snowflake(duckdb, customers, tmp_path_factory):
    """A session on the emulated account whose service runs on this machine."""
    with emulated_snowflake() as emulation, wml.connect(emulation.session()) as session:
        emulation.load("customers", pa.Table.from_pandas(customers, preserve_index=False))
        versions = tuple(duckdb.push(name, to=session) for name in ("churn", "plan"))
        pool = ddl.ComputePool("wml_gpus", ddl.FAMILIES["cpu"])
        service = ddl.ModelService(
            "scorer", pool.name, "/emulated/warehouse_ml/images/scorer:0.1.0", versions, device="cpu", gpus=0
        )
        named = replace(service, device="cuda", gpus=1)  # functions as those of a service that has GPUs
        statements = [
            ddl.create_compute_pool(pool),
            ddl.create_image_repository(service),
            ddl.create_service(service),
            *(
                ddl.create_service_function(version, method, named)
                for version in versions
                for method in version.methods
            ),
        ]
        for statement in statements:
            session.sql(statement)
        port = free_port()
        folder = mounted(session.connection, tmp_path_factory.mktemp("models"))
        environment = yaml.safe_load(ddl.specification(service))["spec"]["containers"][0]["env"]
        server = start_server(folder, port, serve=environment["WML_SERVE"], max_delay_ms=1)
        try:
            wait_until_ready(port, server)
            emulation.serve("scorer", f"http://127.0.0.1:{port}")
            yield session
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=30)
            assert server.returncode in (0, -signal.SIGTERM)


def scores(session, text):
    return sorted(session.sql(text).fetchall())


@pytest.mark.parametrize(("method", "suffix"), [("PREDICT", ""), ("PREDICT_PROBA", "_proba")])
def test_the_service_scores_as_duckdb_does(duckdb, snowflake, method, suffix):
    function = duckdb.describe("churn").function + suffix
    there = scores(snowflake, f"SELECT id, warehouse_ml.{function}_gpu(age, calls, plan) AS p FROM customers")
    here = scores(duckdb, f"SELECT id, {method}('churn', *) AS p FROM customers")
    assert there == here


def test_a_session_on_the_gpu_calls_the_service(duckdb, snowflake):
    with wml.connect(snowflake.connection, device="cuda") as session:
        text = "SELECT id, PREDICT_PROBA('churn', *) AS p FROM customers WHERE PREDICT('churn', *) = 1"
        assert session.compile(text).count("_gpu(") == 2
        assert scores(session, text) == scores(duckdb, text)


def test_a_structure_comes_back_as_an_object(duckdb, snowflake):
    function = duckdb.describe("plan").function_of("predict_proba")
    gold = f"GET(warehouse_ml.{function}_gpu(calls), 'gold')::FLOAT"
    there = scores(snowflake, f"SELECT id, {gold} AS p FROM customers")
    here = scores(duckdb, "SELECT id, PREDICT_PROBA('plan', calls).gold AS p FROM customers")
    assert [row[0] for row in there] == [row[0] for row in here]
    assert [row[1] for row in there] == pytest.approx([row[1] for row in here], rel=1e-12)


def test_a_refused_row_ends_the_statement(snowflake, duckdb):
    function = duckdb.describe("churn").function
    with pytest.raises(Exception, match="unknown category"):
        scores(snowflake, f"SELECT 1, warehouse_ml.{function}_gpu(age, calls, 'silver') FROM customers")
