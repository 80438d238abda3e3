"""Golden pairs: `name.sql` is what a user writes, `name.optimized.sql` what DuckDB gets after every rule.

The name of a variant is a digest; here the variants are counted instead.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.optimize.shop import Shop, shop
from warehouse_ml.optimize import distinct_inputs, gather_rows, score_before_join

FOLDER = Path(__file__).parents[1] / "fixtures" / "optimize"
PAIRS = sorted(path for path in FOLDER.glob("*.sql") if not path.name.endswith(".optimized.sql"))
VARIANT = re.compile(r"wml_variant_[0-9a-f]{24}")


@pytest.fixture(scope="module")
def eager() -> Iterator[Shop]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (distinct_inputs, gather_rows, score_before_join):
            patch.setitem(module.__globals__, "ROWS_WORTH_ASKING", 100)
        opened = shop(raising=["picky"])
        opened.connection.execute(
            "CREATE TABLE many AS SELECT range AS id, range * 1.5 AS a, range * 2.5 AS b, "
            "hash(range) % 1000 AS draw FROM range(30_000)"
        )
        yield opened


def counted(text: str) -> str:
    names = list(dict.fromkeys(VARIANT.findall(text)))
    return VARIANT.sub(lambda found: f"wml_variant_{names.index(found[0]) + 1}", text)


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_optimized_text_is_the_golden_one(eager: Shop, path: Path) -> None:
    assert counted(eager.sql(path.read_text())) == path.with_suffix(".optimized.sql").read_text()


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_optimized_text_gives_the_same(eager: Shop, path: Path) -> None:
    text = path.read_text()
    rows, expected = eager.run(text), eager.plain(text)
    assert rows == expected or sorted(map(repr, rows)) == sorted(map(repr, expected))
