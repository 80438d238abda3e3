"""A real account, where `WML_SNOWFLAKE_LIVE=1` asks for it; the same tests run on the emulation always.

The connection is the connector's own: the one that `WML_SNOWFLAKE_CONNECTION` names in connections.toml, by
default its default one. Everything happens in a database of its own that is dropped afterwards, since the
schema of a registry has a fixed name; so the role needs CREATE DATABASE. What the account tells of its
packages, dtypes and batches is written to the file that `WML_SNOWFLAKE_RECORD` names.
"""

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import warehouse_ml as wml
from warehouse_ml.errors import ScoringError
from warehouse_ml.testing.snowflake import emulated_snowflake

LIVE = pytest.mark.skipif(
    os.environ.get("WML_SNOWFLAKE_LIVE") != "1",
    reason="needs an account of Snowflake: WML_SNOWFLAKE_LIVE=1 and a connection in connections.toml",
)

ROWS = 60

PROBE = """
CREATE FUNCTION {name}(a NUMBER(4,0), b NUMBER(9,0), c NUMBER(18,0), d NUMBER(38,0), e NUMBER(10,2), f FLOAT,
    g BOOLEAN, h VARCHAR, i DATE, j TIMESTAMP_NTZ, k OBJECT)
RETURNS VARCHAR
LANGUAGE PYTHON
RUNTIME_VERSION = '3.11'
ARTIFACT_REPOSITORY = snowflake.snowpark.pypi_shared_repository
PACKAGES = ('numpy=={numpy}', 'pandas=={pandas}')
IMPORTS = ('@{stage}/dtypes_probe.py')
HANDLER = 'dtypes_probe.told'
"""

PROBE_MODULE = """
import sys

import pandas


def told(frame):
    kinds = [f"{column.dtype}:{type(column.iloc[0]).__name__}" for _, column in frame.items()]
    return pandas.Series([" ".join([sys.version.split()[0], str(len(frame)), *kinds])] * len(frame))


told._sf_vectorized_input = pandas.DataFrame
"""


@dataclass
class Account:
    """Two sessions with the same table and models, and what was learned of Snowflake."""

    duckdb: wml.Session
    snowflake: wml.Session
    learned: dict[str, Any] = field(default_factory=dict)

    def run(self, text: str) -> list[tuple[Any, ...]]:
        return self.snowflake.sql(text).fetchall()

    def differences(self, text: str) -> wml.Differences:
        return wml.compare(text, self.duckdb, self.snowflake)


def customers() -> pd.DataFrame:
    draw = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "id": range(ROWS),
            "age": draw.normal(40, 12, ROWS).round(3),
            "calls": draw.integers(0, 9, ROWS),
            "plan": draw.choice(["basic", "gold", "it's"], ROWS),
            "since": pd.Timestamp("2020-02-28 12:34:56.789")
            + pd.to_timedelta(draw.integers(0, 900, ROWS), "D"),
        }
    )


def literal(value: Any) -> str:
    if isinstance(value, str | pd.Timestamp):
        return "'" + str(value).replace("'", "''") + "'"
    return repr(float(value)) if isinstance(value, float) else str(value)


def filled(duckdb: wml.Session, snowflake: wml.Session) -> Account:
    frame = customers()
    rows = [", ".join(map(literal, row)) for row in frame.itertuples(index=False)]
    # a row with gaps, which policies and inline expressions must treat alike
    rows.append("1000, NULL, 3, 'gold', '2021-01-01 00:00:00'")
    create = "CREATE TABLE customers (id {n}, age {f}, calls {n}, plan VARCHAR, since {t})"
    here = create.format(n="BIGINT", f="DOUBLE", t="TIMESTAMP")
    there = create.format(n="NUMBER(38, 0)", f="FLOAT", t="TIMESTAMP_NTZ")
    for session, text in ((duckdb, here), (snowflake, there)):
        session.sql(text)
        session.sql(f"INSERT INTO customers VALUES {', '.join(f'({row})' for row in rows)}")
    features = frame[["age", "calls", "plan"]]
    churned = (frame.age + 5 * frame.calls > 60).astype(int)
    plans = make_column_transformer((OneHotEncoder(), ["plan"]), remainder="passthrough")
    duckdb.register(
        "forest",
        make_pipeline(plans, RandomForestClassifier(9, random_state=0)).fit(features, churned),
        features,
    )
    duckdb.register(
        "plan",
        make_pipeline(StandardScaler(), LogisticRegression()).fit(features[["age", "calls"]], frame.plan),
        features[["age", "calls"]],
    )
    duckdb.register(
        "price",
        make_pipeline(StandardScaler(), Ridge()).fit(features[["age", "calls"]], frame.age * 2),
        features[["age", "calls"]],
    )
    for name in ("forest", "plan", "price"):
        duckdb.set_alias(name, "champion", 1)
        duckdb.push(f"{name}@1", to=snowflake, aliases="all")
    return Account(duckdb, snowflake)


@pytest.fixture(scope="module", params=["emulated", pytest.param("live", marks=LIVE)])
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    if request.param == "emulated":
        with emulated_snowflake() as emulation, wml.connect() as duckdb:
            yield filled(duckdb, wml.connect(emulation.session()))
        return
    database = f"WML_LIVE_{uuid.uuid4().hex[:12].upper()}"
    name = os.environ.get("WML_SNOWFLAKE_CONNECTION", "default")
    with wml.connect(f"snowflake://{name}") as snowflake, wml.connect() as duckdb:
        snowflake.connection.sql(f"CREATE DATABASE {database}").collect()
        try:
            snowflake.connection.use_database(database)
            found = filled(duckdb, snowflake)
            yield found
            if "WML_SNOWFLAKE_RECORD" in os.environ:
                Path(os.environ["WML_SNOWFLAKE_RECORD"]).write_text(
                    json.dumps(found.learned, indent=2, default=str)
                )
        finally:
            snowflake.connection.sql(f"DROP DATABASE {database}").collect()


STATEMENTS = [
    "SELECT id, PREDICT('forest', *) AS p FROM customers ORDER BY id",
    "SELECT id, PREDICT_PROBA('forest', age, calls, plan) AS p FROM customers",
    "SELECT id, PREDICT('plan@champion', *) AS p, PREDICT('price@1', *) AS q FROM customers",
    "SELECT plan, avg(PREDICT('price', *)) AS p FROM customers WHERE PREDICT('forest', *) = 1 GROUP BY plan",
    "SELECT id, TRY_PREDICT('forest', age, calls, 'silver') AS p FROM customers",
    "SELECT id, PREDICT_PROBA('plan', *) AS p FROM customers",
    "SELECT id FROM customers WHERE PREDICT_PROBA('forest', *) > 0.5 "
    "ORDER BY PREDICT('price', *) DESC, id LIMIT 7",
]


@pytest.mark.parametrize("text", STATEMENTS)
def test_both_engines_give_one_answer(account: Account, text: str) -> None:
    found = account.differences(text)
    assert not found, str(found)


@pytest.mark.parametrize("name", ["forest", "plan", "price"])
def test_what_was_proved_here_is_proved_there(account: Account, name: str) -> None:
    report = account.snowflake.verify(f"{name}@1")
    assert report.passed
    assert report.rows > 0


def test_a_row_that_the_estimator_refuses_is_an_error_of_ours(account: Account) -> None:
    with pytest.raises(ScoringError, match="'silver' for the feature 'plan': unknown category"):
        account.run("SELECT PREDICT('forest', age, calls, 'silver') FROM customers")


def test_the_native_function_needs_nothing_of_ours(account: Account) -> None:
    rows = account.snowflake.connection.sql(
        "SELECT id, warehouse_ml.predict('forest@champion', "
        "OBJECT_CONSTRUCT_KEEP_NULL('age', age, 'calls', calls, 'plan', plan))::FLOAT AS p FROM customers"
    ).collect()
    expected = dict(account.duckdb.sql("SELECT id, PREDICT('forest', *) FROM customers").fetchall())
    assert {int(row[0]): row[1] for row in rows} == expected


def test_text_compiled_without_a_connection_runs_as_it_is(account: Account) -> None:
    text = "SELECT id, PREDICT('price', *) AS p FROM customers ORDER BY id"
    compiled = account.duckdb.compile(text, dialect="snowflake")
    found = [row[1] for row in account.snowflake.connection.sql(compiled).collect()]
    expected = [row[1] for row in account.duckdb.sql(text).fetchall()]
    assert [value is None for value in found] == [value is None for value in expected]
    assert np.allclose([v or 0 for v in found], [v or 0 for v in expected], rtol=1e-9, atol=0)


def test_packages_of_the_channel_are_recorded(account: Account) -> None:
    account.learned["packages"] = account.run(
        "SELECT package_name, version, runtime_version FROM information_schema.packages "
        "WHERE package_name IN ('onnxruntime', 'numpy', 'pandas') ORDER BY 1, 2, 3"
    )
    assert {name for name, *_ in account.learned["packages"]} >= {"numpy", "pandas"}


def test_dtypes_of_arguments_are_recorded(account: Account) -> None:
    connection = account.snowflake.connection
    connection.sql("CREATE STAGE probes").collect()
    connection.file.put_stream(BytesIO(PROBE_MODULE.encode()), "@probes/dtypes_probe.py", auto_compress=False)
    pins = {"numpy": np.__version__, "pandas": pd.__version__}
    connection.sql(PROBE.format(name="told", stage="probes", **pins)).collect()
    rows = connection.sql(
        "SELECT told(1, 2, 3, 4, 5.25, 6::FLOAT, TRUE, plan, since::DATE, since, OBJECT_CONSTRUCT('a', id)) "
        "FROM customers"
    ).collect()
    account.learned["dtypes"] = sorted({row[0] for row in rows})
    assert all("float64:float64" in row[0] for row in rows)
