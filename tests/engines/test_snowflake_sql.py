import re
from pathlib import Path

import pytest
import sqlglot

from warehouse_ml import statements
from warehouse_ml.engines.snowflake_sql import filled, rendered
from warehouse_ml.statements import statement

SQL = Path(__file__).parents[2] / "sql"
REGISTRY = sorted(
    file.stem
    for file in (SQL / "snowflake").glob("*.sql")
    if re.search(r"\bregistry_|\bmodels\b|\bversions\b", file.read_text()) and "function" not in file.stem
)


@pytest.mark.parametrize("name", REGISTRY)
def test_a_statement_of_the_registry_parses(name):
    assert len(sqlglot.parse(rendered(name, schema='"Sales".warehouse_ml'), read="snowflake")) == 1


@pytest.mark.parametrize("name", REGISTRY)
def test_every_table_is_named_with_its_schema(name):
    text = rendered(name, schema="S")
    assert re.findall(r"(?<!\w)(?<!S\.)registry_\w+", text) in ([], ["registry_plan"])


@pytest.mark.parametrize("file", sorted((SQL / "snowflake").glob("*.sql")), ids=lambda file: file.stem)
def test_every_file_is_used(file):
    sources = Path(statements.__file__).parent.rglob("*.py")
    assert any(f'"{file.stem}"' in source.read_text() for source in sources)


@pytest.mark.parametrize(
    "name", sorted({file.stem for file in (SQL / "duckdb").glob("*.sql")} & set(REGISTRY))
)
def test_values_stand_in_the_order_of_duckdb(name):
    """Where both have values: `$1 … $n` there is as many `?` here, but for the parts of files."""
    numbers = [int(number) for number in re.findall(r"\$(\d+)", statement("duckdb", name))]
    if len(set(numbers)) == len(numbers):
        assert numbers == sorted(numbers)
    files = {"insert_version": 4, "insert_plan": 2}.get(name, 0)
    assert rendered(name, schema="S").count("?") == max(numbers, default=0) + files


def test_a_comment_is_not_sent():
    assert statement("snowflake", "create_stage").startswith("--")
    assert rendered("create_stage", schema="S").startswith("CREATE STAGE IF NOT EXISTS S.artifacts")


def test_a_part_is_not_searched_for_places():
    assert filled("{a} {b}", a="{b}", b="{c}") == "{b} {c}"


def test_a_part_that_is_missing_is_an_error():
    with pytest.raises(KeyError, match="schema"):
        rendered("create_schema")
