"""`wml push`, `deploy`, `compare` and `service`, against an emulated account in a connections.toml."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.linear_model import LogisticRegression

import warehouse_ml as wml
from warehouse_ml import service_commands
from warehouse_ml.cli import program
from warehouse_ml.engines.snowflake_service import ModelService, create_service_function
from warehouse_ml.testing.snowflake import emulated_snowflake

IMAGE = "/shop/warehouse_ml/images/scorer:0.1.0"


@pytest.fixture(scope="module")
def customers():
    draw = np.random.default_rng(3)
    return pd.DataFrame({"id": range(50), "age": draw.normal(40, 9, 50), "calls": draw.normal(4, 2, 50)})


@pytest.fixture(scope="module")
def shop(tmp_path_factory, customers):
    """A DuckDB file with a model and its customers."""
    file = tmp_path_factory.mktemp("shop") / "shop.duckdb"
    features = customers[["age", "calls"]]
    with wml.connect(file) as session:
        session.sql("CREATE TABLE customers AS FROM customers")
        session.register("churn", LogisticRegression().fit(features, customers.age > 40), features)
        session.set_alias("churn", "champion", 1)
    return file


@pytest.fixture(scope="module")
def home(tmp_path_factory, customers):
    """A folder of the connector whose connection `prod` is an emulated account, and that account."""
    folder = tmp_path_factory.mktemp("home")
    with emulated_snowflake(roles=["analyst"]) as emulation:
        emulation.load("customers", customers)
        plain = {k: v for k, v in emulation.connection_parameters().items() if not isinstance(v, dict)}
        lines = [f"{key} = {str(v).lower() if isinstance(v, int) else repr(v)}" for key, v in plain.items()]
        (folder / "connections.toml").write_text("\n".join(["[prod]", *lines]))
        (folder / "connections.toml").chmod(0o600)
        yield folder, emulation


def run(home, *arguments):
    """The command in a process of its own: the connector reads its files when it is imported."""
    code = "from warehouse_ml.testing.snowflake.plain_http import allow_plain_http; allow_plain_http()\n"
    code += "from warehouse_ml.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)],
        env={**os.environ, "SNOWFLAKE_HOME": str(home[0])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def invoke(*arguments):
    return CliRunner().invoke(program(), [str(argument) for argument in arguments])


def test_a_push_and_a_comparison_from_the_shell(home, shop):
    pushed = run(
        home,
        "push",
        "-d",
        shop,
        "--to",
        "snowflake://prod",
        "--role",
        "analyst",
        "--alias",
        "champion",
        "churn",
    )
    assert pushed.stdout == "churn@1 is on Snowflake, and scores there as it was proved to.\n", pushed.stderr
    text = "SELECT id, PREDICT_PROBA('churn@champion', *) AS p FROM customers"
    compared = run(home, "compare", "-d", shop, "--to", "snowflake://prod", text)
    assert compared.stdout.startswith("No difference in 50 rows"), compared.stderr
    assert {grant.role for grant in home[1].grants} == {"ANALYST"}


def test_a_difference_is_an_exit_code(home, shop):
    compared = run(home, "compare", "-d", shop, "--to", "snowflake://prod", "SELECT current_schema() AS s")
    assert compared.returncode == 1


def test_an_unknown_connection_is_one_line(home, shop):
    done = run(home, "push", "-d", shop, "--to", "snowflake://prdo", "churn")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "prdo" in done.stderr


@pytest.mark.parametrize("verb", ["push", "deploy"])
def test_a_dry_run_prints_every_statement_and_needs_no_account(shop, verb):
    shown = invoke(
        *(verb, "-d", shop, "--dry-run", "--secure", "--python", "3.12"),
        *("--role", "analyst", "--all-aliases", "churn@1"),
    )
    assert shown.exit_code == 0, shown.output
    for part in (
        "CREATE SECURE FUNCTION",
        "RUNTIME_VERSION = '3.12'",
        "model.onnx",
        "GRANT USAGE ON FUNCTION",
        "FUNCTION warehouse_ml.predict(model VARCHAR, features OBJECT)",
        "'churn@champion'",
    ):
        assert part in shown.output


def test_a_push_needs_a_target_or_a_dry_run(shop):
    assert "Give either --to TARGET or --dry-run." in invoke("push", "-d", shop, "churn").output


def test_a_service_is_printed(shop):
    shown = invoke("service", "create", "-d", shop, "--image", IMAGE, "--role", "analyst", "churn@1")
    assert shown.exit_code == 0, shown.output
    parts = [
        "CREATE COMPUTE POOL",
        "CREATE IMAGE REPOSITORY",
        "CREATE SERVICE",
        "_proba_gpu",
        "all_endpoints_usage",
    ]
    places = [shown.output.index(part) for part in parts]
    assert places == sorted(places)


def test_a_service_runs_on_the_account(home, shop, monkeypatch):
    run(home, "push", "-d", shop, "--to", "snowflake://prod", "churn")
    made = run(
        home,
        "service",
        "create",
        "-d",
        shop,
        "--to",
        "snowflake://prod",
        "--name",
        "scorer",
        "--image",
        IMAGE,
        "churn",
    )
    assert made.returncode == 0, made.stderr
    monkeypatch.setattr(service_commands, "connect", lambda target: wml.connect(home[1].session()))
    shown = invoke("service", "status", "--to", "snowflake://prod", "scorer").output
    assert [part in shown for part in ("container_name", "message", "PENDING")] == [True] * 3, shown
    assert invoke("service", "suspend", "--to", "snowflake://prod", "scorer").exit_code == 0
    gone = invoke("service", "drop", "--to", "snowflake://prod", "scorer")
    assert (gone.exit_code, gone.output.count("DROP FUNCTION")) == (0, 3), gone.output
    left = home[1].session().sql("SHOW USER FUNCTIONS IN SCHEMA warehouse_ml").collect()
    assert not [row["name"] for row in left if row["name"].endswith("_GPU")]


def test_a_service_on_processors_has_nodes_and_names_of_its_own(shop):
    options = ("service", "create", "-d", shop, "--image", IMAGE)
    shown = invoke(*options, "--device", "cpu", "churn").output
    assert "INSTANCE_FAMILY = CPU_X64_M" in shown
    assert ("_proba_cpu" in shown, "gpu" in shown.lower()) == (True, False)
    assert "have no GPU: add --device cpu" in invoke(*options, "--family", "CPU_X64_S", "churn").output


def service_functions(home):
    shown = home[1].session().sql("SHOW USER FUNCTIONS IN SCHEMA warehouse_ml").collect()
    return {row["name"] for row in shown if row["name"].endswith("_GPU")}


def test_a_service_that_exists_is_replaced_only_when_asked(home, shop):
    run(home, "push", "-d", shop, "--to", "snowflake://prod", "churn")
    options = ("-d", shop, "--to", "snowflake://prod", "--name", "twice", "--image", IMAGE)
    assert run(home, "service", "create", *options, "--replace", "churn").stderr.startswith(
        "wml: There is no"
    )
    assert run(home, "service", "create", *options, "churn").returncode == 0
    again = run(home, "service", "create", *options, "churn")
    assert (again.returncode, "The service twice exists: --replace" in again.stderr) == (1, True)
    functions = service_functions(home)
    with wml.connect(shop) as session:
        before = replace(session.describe("churn"), version=9)
    made = ModelService("twice", "scorer_pool", IMAGE, (before,))
    home[1].session().sql(create_service_function(before, "predict", made)).collect()
    assert len(service_functions(home) - functions) == 1
    replaced = run(home, "service", "create", *options, "--replace", "churn")
    assert (replaced.returncode, "ALTER SERVICE" in replaced.stdout) == (0, True), replaced.stderr
    assert service_functions(home) == functions
    printed = invoke("service", "create", "-d", shop, "--image", IMAGE, "--replace", "churn").output
    assert "DROP FUNCTION for each whose description says: by scorer, but for those above" in printed


def test_a_service_of_what_was_not_pushed_makes_nothing(home, shop, customers):
    features = customers[["age"]]
    with wml.connect(shop) as session:
        session.register("unknown", LogisticRegression().fit(features, customers.age > 30), features)
    options = ("-d", shop, "--to", "snowflake://prod", "--name", "none", "--image", IMAGE)
    before = len(home[1].statements)
    refused = run(home, "service", "create", *options, "unknown")
    assert "unknown@1 was not pushed there; wml push --to snowflake://prod unknown@1" in refused.stderr
    assert not [text for text in home[1].statements[before:] if "POOL" in text]


@pytest.mark.parametrize("command", [("push", "churn"), ("compare", "SELECT 1"), ("deploy", "churn")])
def test_a_target_without_its_scheme_is_no_file(shop, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    refused = invoke(command[0], "-d", shop, "--to", "prod", command[1])
    assert (refused.exit_code, "write snowflake://prod" in refused.output) == (2, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", ["status", "suspend", "resume", "drop"])
def test_a_name_that_would_need_quotes_is_refused(verb):
    done = invoke("service", verb, "a b; DROP")
    assert (done.exit_code, "a name of letters, digits and underscores" in done.output) == (1, True)
