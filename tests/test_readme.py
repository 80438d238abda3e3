import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression

import warehouse_ml as wml
from warehouse_ml.cli import program

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def command_lines():
    lines = "".join(blocks("bash")).replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.startswith("wml ")]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder as the README's reader has it: a database with customers and a model, a foreign file."""
    folder = tmp_path_factory.mktemp("shop")
    numbers = pd.DataFrame({"age": np.arange(60.0), "spend": np.arange(60.0)[::-1]})
    churned = np.where(np.arange(60) % 7 < 3, "yes", "no")
    churn = LogisticRegression().fit(numbers, churned)
    customers = numbers.assign(id=range(60), region=["EU", "US"] * 30)  # noqa: F841, DuckDB finds it
    with wml.connect(folder / "shop.duckdb") as session:
        session.sql("CREATE TABLE customers AS FROM customers")
        session.register("churn", churn, sample=numbers)
    matrix = LogisticRegression().fit(numbers.to_numpy(np.float32), churned)
    foreign = to_onnx(matrix, numbers.to_numpy(np.float32)[:1], options={"zipmap": False}, target_opset=15)
    (folder / "churn.onnx").write_bytes(foreign.SerializeToString())
    rows = numbers.set_axis(["f0", "f1"], axis=1).assign(score=matrix.predict_proba(numbers.to_numpy())[:, 1])
    rows.to_parquet(folder / "rows.parquet")
    return folder


def test_python_blocks_run_in_their_order(tmp_path):
    story = "\n".join(blocks("python"))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-"],
        input=story,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "cultivar" in done.stdout
    assert "first_cultivar@1: classification" in done.stdout
    assert "No difference in 3 rows" in done.stdout


def test_the_first_block_has_no_more_lines_than_its_title_says():
    assert "\n## Fifteen lines that run\n" in README
    assert len([line for line in blocks("python")[0].splitlines() if line]) <= 15


def test_sql_blocks_run(shop):
    with wml.connect(shop / "shop.duckdb", read_only=True) as session:
        for block in blocks("sql"):
            assert session.sql(block).fetchall()


@pytest.mark.parametrize("line", command_lines(), ids=lambda line: line[1])
def test_command_lines_work(line, shop, monkeypatch):
    monkeypatch.chdir(shop)
    done = CliRunner().invoke(program(), line[1:])
    assert (done.exit_code, done.stderr) == (0, ""), done.output


def test_there_is_a_command_line_of_each_kind():
    assert {line[1] for line in command_lines()} >= {"sql", "models", "register"}


def test_files_that_are_named_exist():
    root = Path(__file__).parents[1]
    named = set(re.findall(r"`((?:docs|examples|udfs|sql|benchmarks|warehouse_ml)/[\w/.]+)`", README))
    assert named
    assert [name for name in named if not (root / name).exists()] == []


def test_make_targets_that_are_named_exist():
    makefile = (Path(__file__).parents[1] / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"`make (\w+)`", README))
    assert {"demo", "test"} <= named
    assert [name for name in named if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []
