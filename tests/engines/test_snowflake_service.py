"""The statements of a service: compared with golden files, and held to what Snowflake documents of them."""

import dataclasses
import re
from pathlib import Path

import pytest
import sqlglot
import yaml

from warehouse_ml.engines import snowflake_service as ddl
from warehouse_ml.engines import snowflake_service_functions as functions
from warehouse_ml.engines.handler_files import load_handler
from warehouse_ml.errors import DeploymentError, MethodError
from warehouse_ml.model import ModelVersion
from warehouse_ml.signature import Feature, GraphInput, Output, Signature

GOLDEN = Path(__file__).parent / "golden" / "snowflake_service"

IMAGE = "/shop/warehouse_ml/images/scorer:0.1.0"

KINDS = ("DOUBLE", "BIGINT", "BOOLEAN", "VARCHAR", "TIMESTAMP")


def version_of(
    name: str, number: int, classes: tuple[str, ...] = (), features: int = len(KINDS)
) -> ModelVersion:
    parts = tuple(Output(label, "DOUBLE", "p", place) for place, label in enumerate(classes))
    signature = Signature(
        "classification" if classes else "regression",
        tuple(Feature(f"feature {place}", KINDS[place % len(KINDS)], unit="s") for place in range(features)),
        (GraphInput("x", 0),),
        Output("prediction", "VARCHAR" if classes else "DOUBLE", "y"),
        Output("probabilities", "STRUCT", fields=parts) if classes else None,
        classes,
    )
    return ModelVersion(name, number, f"{number:x}" * 64, signature)


CHURN = version_of("churn", 3, ("no", "yes"))
PRICE = version_of("price", 1)
IRIS = version_of("iris", 2, ("a", "b", "c"))
WIDE = version_of("wide", 5, features=501)

POOL = ddl.ComputePool("wml_gpus", max_nodes=4)


def service(**changes) -> ddl.ModelService:
    facts = {"name": "scorer", "pool": POOL.name, "image": IMAGE, "versions": (CHURN, PRICE)}
    return ddl.ModelService(**(facts | changes))


EVERYWHERE = service(
    versions=(CHURN, PRICE, IRIS, WIDE),
    database="shop",
    caller_role="Data Analysts",
    gpus=2,
    min_instances=2,
    max_instances=8,
    max_batch_rows=20_000,
)

STATEMENTS = {
    "create_compute_pool": ddl.create_compute_pool(POOL),
    "drop_compute_pool": ddl.drop_compute_pool(POOL),
    "create_image_repository": ddl.create_image_repository(EVERYWHERE),
    "create_service": ddl.create_service(EVERYWHERE),
    "create_service_on_cpus": ddl.create_service(service(device="cpu", gpus=0)),
    "alter_service": ddl.alter_service(service()),
    "suspend_service": ddl.service_statement("suspend", "scorer"),
    "resume_service": ddl.service_statement("resume", "scorer"),
    "drop_service": ddl.service_statement("drop", "scorer", "shop"),
    "show_services": ddl.show_services("scorer"),
    "show_service_containers": ddl.service_statement("status", "scorer"),
    "create_service_function": ddl.create_service_function(CHURN, "predict_proba", EVERYWHERE),
    "create_service_function_struct": ddl.create_service_function(IRIS, "predict_proba", service()),
    "create_service_function_packed": ddl.create_service_function(WIDE, "try_predict", service()),
    "replace_service_function": ddl.create_service_function(PRICE, "predict", service(), replace=True),
    "drop_service_function": ddl.drop_service_function(CHURN, "predict_proba", EVERYWHERE),
    "service_grants": ";\n".join(ddl.service_grants(EVERYWHERE)),
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_is_the_golden_one(name):
    assert STATEMENTS[name] + "\n" == (GOLDEN / f"{name}.sql").read_text()


def test_no_golden_file_is_left_over():
    assert {file.stem for file in GOLDEN.glob("*.sql")} == set(STATEMENTS)


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_has_no_place_left(name):
    assert not re.search(r"[{}]", STATEMENTS[name])


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_is_made_of_tokens_of_snowflake(name):
    """The tokenizer finds every quote and every dollar closed."""
    assert sqlglot.tokenize(STATEMENTS[name], dialect="snowflake")


def specified(made: ddl.ModelService) -> dict:
    return yaml.safe_load(ddl.specification(made))["spec"]


def test_a_gpu_is_both_requested_and_the_limit():
    resources = specified(EVERYWHERE)["containers"][0]["resources"]
    assert resources == {
        "requests": {"cpu": 4, "memory": "16Gi", "nvidia.com/gpu": 2},
        "limits": {"memory": "16Gi", "nvidia.com/gpu": 2},
    }


def test_a_service_without_gpus_asks_for_none():
    container = specified(service(device="cpu", gpus=0))["containers"][0]
    assert "nvidia.com/gpu" not in str(container["resources"])
    assert container["env"]["WML_DEVICE"] == "cpu"


def test_the_server_understands_its_environment():
    (container,) = specified(service())["containers"]
    handler = load_handler("service_settings")
    assert handler.unknown_settings(container["env"]) == []
    read = handler.read_settings(container["env"])
    assert read == handler.Settings(device="cuda", serve="churn/3/" + "3" * 16 + ",price/1/" + "1" * 16)
    assert container["readinessProbe"] == {"port": read.port, "path": "/healthz"}
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == [read.models]


def test_the_stage_is_mounted_as_new_services_must():
    """The older form, `source: "@stage"`, is refused for new services (behaviour change 2449)."""
    (volume,) = specified(EVERYWHERE)["volumes"]
    assert volume["source"] == "stage"
    assert volume["stageConfig"] == {"name": "@shop.warehouse_ml.artifacts/models"}


def test_functions_call_the_endpoint_that_is_specified():
    (endpoint,) = specified(service())["endpoints"]
    assert endpoint == {"name": "predict", "port": 8000}
    assert "ENDPOINT = predict\n" in STATEMENTS["create_service_function"]


def test_the_names_of_functions_tell_them_from_those_of_a_warehouse():
    name = ddl.service_function_name(CHURN, "predict_proba", EVERYWHERE)
    assert name == "shop.warehouse_ml.wml_churn_v3_33333333_proba_gpu"


def test_a_service_without_gpus_says_so_in_the_names_of_its_functions():
    made = service(device="cpu", gpus=0)
    assert ddl.service_function_name(CHURN, "predict", made) == "warehouse_ml.wml_churn_v3_33333333_cpu"
    assert " on cpu by scorer, " in ddl.create_service_function(CHURN, "predict", made)


SHOWN = [
    ("WML_CHURN_V3_33333333_GPU(FLOAT, NUMBER) RETURN FLOAT", CHURN, "scorer"),
    ("WML_WIDE_V5_55555555_GPU(OBJECT) RETURN FLOAT", WIDE, "Scorer"),
    ("WML_CHURN_V3_33333333_TRY_GPU(FLOAT, NUMBER) RETURN FLOAT", CHURN, "scorer_2"),
    ("X(FLOAT); DROP TABLE t; --(FLOAT) RETURN FLOAT", CHURN, "scorer"),
]


def test_the_functions_of_a_service_are_found_by_what_they_say():
    rows = [(called, functions.comment_of(version, "predict", "cuda", by)) for called, version, by in SHOWN]
    rows.append(("PREDICT(VARCHAR, OBJECT) RETURN VARIANT", "warehouse_ml: predict of 1 versions by name"))
    drops = [
        "DROP FUNCTION IF EXISTS warehouse_ml.wml_churn_v3_33333333_gpu(FLOAT, NUMBER)",
        "DROP FUNCTION IF EXISTS warehouse_ml.wml_wide_v5_55555555_gpu(OBJECT)",
    ]
    columns = ["arguments", "description"]
    assert functions.drop_functions("SCORER", columns, rows) == drops
    kept = [ddl.service_function_name(CHURN, "predict", service())]
    assert functions.drop_functions("SCORER", columns, rows, kept) == drops[1:]


def test_a_method_that_is_missing_is_refused():
    with pytest.raises(MethodError, match="price@1"):
        ddl.create_service_function(PRICE, "predict_proba", service())


def test_without_a_role_nothing_is_granted():
    assert ddl.service_grants(service()) == []


@pytest.mark.parametrize(
    "image",
    [
        "/shop/warehouse_ml/images/scorer",
        "/shop/images/scorer:",
        "scorer:1",
        "/shop/images/scorer:1\n  - name: other",
        '/shop/images/scorer:1"',
        "/shop/images/$$:1",
    ],
)
def test_an_image_without_a_tag_is_refused(image):
    with pytest.raises(DeploymentError, match="image"):
        service(image=image)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("name", "my scorer"),
        ("name", '"scorer"'),
        ("name", "scorer; DROP SERVICE x"),
        ("name", "s" * 256),
        ("pool", "gpu-pool"),
        ("pool", "größe"),
        ("database", '"Shop"'),
        ("versions", ()),
        ("device", "gpu"),
        ("gpus", 0),
        ("gpus", True),
        ("cpus", 0.5),
        ("memory", "16Gi"),
        ("min_instances", 2),
        ("max_instances", 0),
        ("max_batch_rows", 0),
        ("batch_retries", -1),
        ("batch_timeout_seconds", float("nan")),
        ("caller_role", " "),
    ],
)
def test_a_setting_of_another_form_is_refused(setting, value):
    with pytest.raises(DeploymentError, match=re.escape(f"Deployment({setting}={value!r})")):
        service(**{setting: value})


@pytest.mark.parametrize(
    ("setting", "value"),
    [("name", "a.b"), ("family", "GPU NV"), ("min_nodes", 5), ("max_nodes", 0), ("suspend_seconds", 0)],
)
def test_a_pool_of_another_form_is_refused(setting, value):
    with pytest.raises(DeploymentError, match="cannot be used"):
        dataclasses.replace(POOL, **{setting: value})


def test_the_image_holds_what_the_service_imports():
    recipe = (load_file("service/Dockerfile")).read_text()
    copied = set(re.findall(r"\b(\w+)\.py\b", re.search(r"COPY (onnx_udf.*) \./", recipe)[1]))
    handlers = {file.stem for file in load_file("").glob("*.py")}
    needed = {"onnx_udf", "text_analysis", "onnx_service"}
    assert needed <= copied
    assert "service_*.py" in recipe
    assert {name for name in handlers if name.startswith("service_")}
    assert "USER 10001" in recipe
    assert "linux/amd64" in recipe


def test_every_requirement_is_pinned_and_hashed():
    lines = [
        line for line in load_file("service/requirements.txt").read_text().splitlines() if line[0] != "#"
    ]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+ --hash=sha256:[0-9a-f]{64}", line) for line in lines)
    pinned = {line.partition("==")[0] for line in lines}
    assert {"onnxruntime-gpu", "numpy", "starlette", "uvicorn", "prometheus_client"} <= pinned
    assert "onnxruntime" not in pinned


def load_file(name: str) -> Path:
    return Path(load_handler("onnx_udf").__file__).parent / name


def test_times_in_parts_of_a_second_are_refused():
    signature = dataclasses.replace(CHURN.signature, features=(Feature("since", "TIMESTAMP", unit="us"),))
    with pytest.raises(DeploymentError, match="feature 'since': the text in which Snowflake sends them"):
        service(versions=(dataclasses.replace(CHURN, signature=signature),))
