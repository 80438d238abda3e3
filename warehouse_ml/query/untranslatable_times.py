"""Parts, units, spans and texts of times that a translation to Snowflake's dialect refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from warehouse_ml.query.compared import THERE, Rule
from warehouse_ml.query.tokens import words

if TYPE_CHECKING:
    from sqlglot import exp

_DATE_PARTS = words("YEAR QUARTER MONTH DAY HOUR MINUTE SECOND")
_EXTRACTED = _DATE_PARTS | {"WEEK", "DOW", "DAYOFWEEK", "ISODOW", "DAYOFWEEKISO", "DOY", "DAYOFYEAR"}
_TIME_FORMAT = re.compile(r"(%[YmdHMS]|[-/:_. ])*")


def _extract(node: exp.Expr) -> Iterator[tuple[str, str]]:
    part = node.name.upper()
    if part == "EPOCH":
        yield "EPOCH, which counts fractions of seconds", "Write date_diff."
    elif part not in _EXTRACTED:
        yield f"{part} of a time", THERE


def _unit(node: exp.Expr) -> Iterator[tuple[str, str]]:
    unit = str(node.args.get("unit") or "").upper()
    if unit not in _DATE_PARTS and not (unit == "WEEK" and node.key == "timestamptrunc"):
        named = "date_trunc" if node.key == "timestamptrunc" else "date_diff"
        yield f"{named} by {unit}", THERE


def _interval(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    unit = str(node.args.get("unit") or "").upper().removesuffix("S")
    plain = isinstance(node.this, exp.Literal) and re.fullmatch(r"-?\d+", node.this.name)
    if not plain or unit not in _DATE_PARTS | {"WEEK"}:
        yield (
            "an INTERVAL that is not a whole number of one unit",
            "Write `+ INTERVAL 1 MONTH + INTERVAL 2 DAY`.",
        )
    parent = node.parent
    if not (isinstance(parent, exp.Add | exp.Sub) and parent.expression is node):
        yield "an INTERVAL that is not added to a time", "Write `time + INTERVAL 1 DAY`."


def _time_to_str(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    form = node.args.get("format")
    if not isinstance(form, exp.Literal) or not _TIME_FORMAT.fullmatch(form.name):
        yield "strftime with other than %Y %m %d %H %M %S between -/:_. and blanks", "Join texts by ||."


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("DateDiff", "TimestampTrunc"), _unit),
    "Extract": _extract,
    "Interval": _interval,
    "TimeToStr": _time_to_str,
}
"""For each class of a node of sqlglot what says why it is refused, if it is."""
