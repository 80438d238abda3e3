"""Golden pairs: `name.sql` is what a user writes, `name.bound.sql` what DuckDB gets, and runs."""

from pathlib import Path

import pytest

from tests.query.sql_catalog import catalog

FOLDER = Path(__file__).parents[1] / "fixtures" / "sql"
PAIRS = sorted(path for path in FOLDER.glob("*.sql") if not path.name.endswith(".bound.sql"))


def read(path: Path) -> str:
    return path.read_bytes().decode()


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_bound_text_is_the_golden_one(path: Path) -> None:
    assert catalog().sql(read(path)) == read(path.with_suffix(".bound.sql"))


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_bound_text_runs(path: Path) -> None:
    catalog().connection.execute(read(path.with_suffix(".bound.sql"))).fetchall()
