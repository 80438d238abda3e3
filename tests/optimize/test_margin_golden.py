"""Golden pairs: `name.sql` is what a user writes, `name.optimized.sql` what DuckDB gets for small models."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import warehouse_ml as wml
from tests.optimize.margin_shop import compiled, margin_session, optimized, plain

FOLDER = Path(__file__).parents[1] / "fixtures" / "margins"
PAIRS = sorted(path for path in FOLDER.glob("*.sql") if not path.name.endswith(".optimized.sql"))


@pytest.fixture(scope="module")
def session() -> Iterator[wml.Session]:
    with margin_session() as opened:
        yield opened


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_optimized_text_is_the_golden_one(session: wml.Session, path: Path) -> None:
    assert compiled(session, path.read_text()) == path.with_suffix(".optimized.sql").read_text()


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_optimized_text_gives_the_same(session: wml.Session, path: Path) -> None:
    text = path.read_text()
    assert optimized(session, text) == plain(session, text)
