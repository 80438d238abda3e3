from pathlib import Path

import duckdb
import pytest

from warehouse_ml import statements
from warehouse_ml.statements import statement

FILES = sorted((Path(__file__).parents[1] / "sql" / "duckdb").glob("*.sql"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_holds_one_statement_that_duckdb_parses(file):
    assert len(duckdb.extract_statements(statement("duckdb", file.stem))) == 1


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_file_is_used(file):
    sources = Path(statements.__file__).parent.rglob("*.py")
    assert any(f'"{file.stem}"' in source.read_text() for source in sources)


def test_statements_are_found_inside_the_package_too(tmp_path, monkeypatch):
    folder = tmp_path / "warehouse_ml" / "sql" / "duckdb"
    folder.mkdir(parents=True)
    (folder / "only_here.sql").write_text("SELECT 1")
    monkeypatch.setattr(statements, "__file__", str(tmp_path / "warehouse_ml" / "statements.py"))
    assert statement("duckdb", "only_here") == "SELECT 1"
