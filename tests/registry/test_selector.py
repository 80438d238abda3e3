from datetime import datetime

import pytest

from warehouse_ml.errors import InvalidNameError
from warehouse_ml.registry.selector import AsOf, Latest, Named, Numbered, read_selector, split_reference


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("", Named("default")),
        (" Champion ", Named("champion")),
        ("LATEST", Latest()),
        ("3", Numbered(3)),
        ("007", Numbered(7)),
        ("0", Numbered(None)),
        ("9" * 5000, Numbered(None)),
        ("asof:2026-01-31", AsOf(datetime(2026, 1, 31))),
        ("AsOf: 2026-01-31 12:30", AsOf(datetime(2026, 1, 31, 12, 30))),
        ("asof:2026-01-31T12:00:00.5z", AsOf(datetime(2026, 1, 31, 12, 0, 0, 500_000))),
        ("asof:2026-01-31T12:00+02:00", AsOf(datetime(2026, 1, 31, 10))),
    ],
)
def test_a_selector_is_one_of_four(text, meaning):
    assert read_selector(text) == meaning


@pytest.mark.parametrize(
    "text", ["asof:yesterday", "asof:", "asof:2026-13-01", "asof:0001-01-01T00:00+14:00", "a-b"]
)
def test_what_is_no_selector(text):
    with pytest.raises(InvalidNameError):
        read_selector(text)


@pytest.mark.parametrize(
    ("reference", "parts"),
    [("m", ("m", "")), (" m @ 3 ", ("m", "3")), ("m@asof:2026-01-31", ("m", "asof:2026-01-31"))],
)
def test_a_reference_is_a_name_and_a_selector(reference, parts):
    assert split_reference(reference) == parts
