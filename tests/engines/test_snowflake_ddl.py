import json
import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from tests.toy_models import every_type, plain_signature
from warehouse_ml.engines.snowflake_ddl import (
    MOST_ARGUMENTS,
    call_of,
    create_function,
    deployment_json,
    get_file,
    grants,
    handler_files,
    model_files,
    put_file,
    withdrawal,
)
from warehouse_ml.engines.snowflake_deployment import Deployment
from warehouse_ml.errors import DeploymentError, MethodError
from warehouse_ml.model import ModelVersion
from warehouse_ml.quoting import snowflake_literal, snowflake_name
from warehouse_ml.signature import Feature, GraphInput, Output, Signature

GOLDEN = Path(__file__).parent / "golden" / "snowflake"
PINS = ("onnxruntime==1.23.0", "numpy==2.3.1", "pandas==2.3.3")
PLAIN = Deployment(runtime="3.12", packages=PINS)
ODD = Deployment(
    runtime="3.12",
    packages=PINS,
    artifact_repository=None,
    architecture="x86",
    secure=True,
    caller_role='the analysts\' "own"',
    database="Sales",
    replace=True,
)


def version(signature, name="churn", number=3):
    return ModelVersion(name, number, "1a2b3c4d" * 8, signature)


def wide(count):
    features = tuple(Feature(f"x{i}", "DOUBLE") for i in range(count))
    inputs = tuple(GraphInput(f"x{i}", i) for i in range(count))
    return Signature("regression", features, inputs, Output("prediction", "DOUBLE", "y", 0))


KINDS = ("DOUBLE", "VARCHAR", "BIGINT", "BOOLEAN")


def binary():
    """Features whose names are words of SQL, or none at all."""
    names = ("select", "a \"b\" 'c'\\", "naïve", "feature_0")
    probabilities = Output(
        "", "STRUCT", fields=(Output("no", "DOUBLE", "p", 0), Output("yes", "DOUBLE", "p", 1))
    )
    return Signature(
        "classification",
        tuple(Feature(name, kind) for name, kind in zip(names, KINDS, strict=True)),
        tuple(GraphInput(f"i{place}", place) for place in range(4)),
        Output("prediction", "VARCHAR", "label", 0),
        probabilities,
        ("no", "yes"),
    )


def plainly(statement):
    """A statement without what changes with every release of the handlers."""
    return statement.replace(handler_files()[0].folder, "handlers/<digest of the handlers>")


CASES = {
    "create_function": lambda: create_function(version(plain_signature()), "predict", PLAIN),
    "create_function_of_each_type": lambda: create_function(version(every_type()[1]), "try_predict", PLAIN),
    "create_function_of_odd_names": lambda: create_function(
        version(binary(), "select"), "predict_proba", PLAIN
    ),
    "create_function_of_packed_features": lambda: create_function(version(wide(501)), "predict", PLAIN),
    "create_function_with_all_settings": lambda: create_function(version(binary()), "predict", ODD),
    "grants": lambda: ";\n".join(grants(version(every_type()[1]), ODD)),
    "withdrawal": lambda: ";\n".join(withdrawal(version(every_type()[1]), "warehouse_ml")),
    "put_file": lambda: put_file(
        "/tmp/it's \\ here/model.onnx", model_files(version(wide(1)))[0].folder, '"Sales".warehouse_ml'
    ),
    "get_file": lambda: get_file(model_files(version(wide(1)))[0].path, "/tmp/here", "warehouse_ml"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_statement_is_the_golden_one(name):
    assert plainly(CASES[name]()) == (GOLDEN / f"{name}.sql").read_text().rstrip("\n")


def test_every_golden_file_is_of_a_case():
    assert {file.stem for file in GOLDEN.glob("*.sql")} >= set(CASES)


UNKNOWN_TO_SQLGLOT = ("GRANT SELECT ON ALL ", "REMOVE ")


@pytest.mark.parametrize("name", CASES)
def test_a_statement_parses(name):
    for text in CASES[name]().split(";\n"):
        if not text.startswith(UNKNOWN_TO_SQLGLOT):
            (parsed,) = sqlglot.parse(text, read="snowflake")
            assert not isinstance(parsed, exp.Command)


def test_names_of_features_are_no_part_of_a_function():
    text = create_function(version(binary()), "predict", PLAIN)
    assert "(feature_0 FLOAT, feature_1 VARCHAR, feature_2 NUMBER(38,0), feature_3 BOOLEAN)" in text
    assert "select" not in text.lower().replace("selected", "")


@pytest.mark.parametrize(("count", "arguments"), [(1, 1), (MOST_ARGUMENTS, 500), (MOST_ARGUMENTS + 1, 1)])
def test_more_features_than_arguments_are_packed(count, arguments):
    text = create_function(version(wide(count)), "predict", PLAIN)
    inside = re.search(r"_1a2b3c4d\((.*)\)\nRETURNS", text)[1]
    assert len(inside.split(", ")) == arguments
    assert json.loads(deployment_json(version(wide(count))))["packed"] is (count > 500)


def test_a_packed_call_names_its_features():
    function, arguments = call_of(version(wide(501)), "predict", "warehouse_ml", ["1"] * 501)
    assert function == "warehouse_ml.wml_churn_v3_1a2b3c4d"
    assert arguments.startswith("OBJECT_CONSTRUCT_KEEP_NULL('x0', 1, 'x1', 1, ")


def test_the_files_of_a_function_have_different_names():
    names = [file.name for file in (*model_files(version(wide(1))), *handler_files())]
    assert len(set(names)) == len(names) == 5


def test_deployment_json_holds_what_the_handler_reads():
    facts = json.loads(deployment_json(version(binary())))
    assert facts["sha256"] == "1a2b3c4d" * 8
    assert facts["signature"] == json.loads(binary().to_json())


def test_a_method_that_the_model_lacks_has_no_function():
    with pytest.raises(MethodError, match="PREDICT_PROBA"):
        create_function(version(plain_signature()), "predict_proba", PLAIN)


def test_no_role_no_grants():
    assert grants(version(plain_signature()), PLAIN) == []


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("runtime", "3"),
        ("runtime", "3.12'; DROP TABLE t; --"),
        ("runtime", "2.7"),
        ("runtime", 3.12),
        ("packages", ()),
        ("packages", "numpy==2.3.1"),
        ("packages", ("numpy",)),
        ("packages", ("numpy>=2",)),
        ("packages", ("numpy==2.3.1'), HANDLER=('x",)),
        ("architecture", "arm"),
        ("artifact_repository", "a b"),
        ("artifact_repository", "a.b.c.d"),
        ("caller_role", " "),
        ("database", ""),
        ("database", 5),
        ("secure", "yes"),
    ],
)
def test_a_setting_of_another_form_is_refused(setting, value):
    with pytest.raises(DeploymentError, match=setting):
        Deployment(**{setting: value})


def test_a_runtime_that_snowflake_does_not_have_is_refused_with_those_it_has():
    with pytest.raises(DeploymentError, match=r"runtime='2.7'.*'3.10', '3.11', '3.12', '3.13', '3.14'"):
        Deployment(runtime="2.7")


def test_packages_are_pinned_to_what_is_installed():
    import onnxruntime

    assert f"onnxruntime=={onnxruntime.__version__}" in Deployment().packages


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("sales", '"SALES"'),
        ("Sales_1$", '"SALES_1$"'),
        ('"Sales"', '"Sales"'),
        ("my sales", '"my sales"'),
        ('"a""b"', '"a""b"'),
        ('a"b', '"a""b"'),
        ("1st", '"1st"'),
        ("é", '"é"'),
        ('"', '""""'),
    ],
)
def test_a_name_is_read_as_snowflake_reads_it(name, quoted):
    assert snowflake_name(name) == quoted


@pytest.mark.parametrize("text", ["it's", "a\\b", "\\'", "'; --", ""])
def test_a_text_comes_back_from_its_literal(text):
    literal = sqlglot.parse_one(f"SELECT {snowflake_literal(text)}", read="snowflake").selects[0]
    assert literal.this == text
