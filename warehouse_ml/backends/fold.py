"""Absorb what happens between a feature and a split into the split: preprocessing that costs nothing.

A split asks whether an expression is at most its threshold. Where the expression depends on one number, the
numbers for which it is are found by bisection; where it depends on one text, by trying each text that it
names, one that it does not name, and NULL.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.backends.evaluate import evaluate
from warehouse_ml.backends.number_line import Keys, Line, first_change
from warehouse_ml.backends.pieces import Analysis
from warehouse_ml.backends.program import Expression, Forest, walk

NULL_TEXT = "\ufdd0NULL"
"""What stands for NULL in a text tensor, as the handler writes it."""

MOST_CATEGORIES = 100_000
_MOST_CUTS = 64
_MOST_CELLS = 20_000_000
_TEXT_OPERATORS = ("lookup", "eq", "where")


@dataclass(frozen=True, slots=True, eq=False)
class Splits:
    """What the splits on one expression ask.

    Attributes:
        threshold: What the expression is compared with; float64 of shape [splits].
        missing_left: Whether NaN goes left; bool of shape [splits].
        comparison: Whether less goes left, or less and equal.
        precision: The type in which they are compared.
    """

    threshold: NDArray[np.float64]
    missing_left: NDArray[np.bool_]
    comparison: str
    precision: str

    @classmethod
    def of(cls, forest: Forest, nodes: NDArray[np.int64]) -> Splits:
        """The splits at some nodes."""
        return cls(forest.threshold[nodes], forest.missing_left[nodes], forest.comparison, forest.precision)

    def outcomes(self, values: NDArray[Any], split: NDArray[np.int64] | slice) -> NDArray[np.bool_]:
        """Whether values go left at some splits; both broadcast."""
        values = values.astype(self.precision)
        threshold = self.threshold.astype(self.precision)[split]
        left = values < threshold if self.comparison == "<" else values <= threshold
        found: NDArray[np.bool_] = np.where(np.isnan(values), self.missing_left[split], left)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class NumberTests:
    """Splits as tests of one number: its line is cut, and each cut turns the outcome over.

    Attributes:
        first: Whether the smallest numbers go left; bool of shape [tests].
        missing: Whether NaN goes left; bool of shape [tests].
        starts: Where each test's cuts start; int64 of shape [tests + 1].
        cuts: The largest number below each change, ascending for each test; float64.
    """

    first: NDArray[np.bool_]
    missing: NDArray[np.bool_]
    starts: NDArray[np.int64]
    cuts: NDArray[np.float64]


def number_tests(expression: Expression, analysis: Analysis, splits: Splits) -> NumberTests | None:
    """Splits on an expression of one number as tests of that number.

    Args:
        expression: What the splits compare.
        analysis: Of the input that it depends on.
        splits: The splits.

    Returns:
        A test for each split, or None where the expression is not known to be monotone in pieces.
    """
    try:
        return _number_tests(expression, analysis, splits)
    except IndexError:  # some numbers lead out of a table; the graph would stop there
        return None


def _number_tests(expression: Expression, analysis: Analysis, splits: Splits) -> NumberTests | None:
    pieces = analysis.pieces(expression)
    count = len(splits.threshold)
    if pieces is None or len(pieces.starts) * count > _MOST_CELLS:
        return None
    starts, lasts = pieces.starts, analysis.last(pieces.starts)
    opening = splits.outcomes(analysis.at(expression, starts)[:, None], slice(None))
    closing = splits.outcomes(analysis.at(expression, lasts)[:, None], slice(None))
    piece, split = np.nonzero(opening != closing)
    inside = first_change(
        starts[piece],
        lasts[piece],
        split,
        opening[piece, split],
        lambda keys, chosen: splits.outcomes(analysis.at(expression, keys), chosen),
    )
    jump, jumping = np.nonzero(closing[:-1] != opening[1:])
    split = np.concatenate([split, jumping])
    keys = np.concatenate([inside, starts[1:][jump]])
    order = np.lexsort((keys, split))
    split, keys = split[order], keys[order]
    counts = np.bincount(split, minlength=count)
    cuts = _cuts(keys, analysis.line)
    if cuts is None or (count and counts.max() > _MOST_CUTS):
        return None
    missing = opening[0]
    if analysis.line.kind != "int64":
        with np.errstate(all="ignore"):
            (absent,) = evaluate([expression], {analysis.line.name: np.array([np.nan])})
        missing = splits.outcomes(absent, slice(None))
    return NumberTests(opening[0], missing, np.append(0, np.cumsum(counts)), cuts)


def _cuts(keys: Keys, line: Line) -> NDArray[np.float64] | None:
    """The numbers just below some keys; None where doubles do not tell two whole numbers apart."""
    below = line.numbers(keys - 1).astype(np.float64)
    if line.kind == "int64" and (below >= keys.astype(np.float64)).any():
        return None
    return below


def category_tests(
    expression: Expression, name: str, categories: Sequence[str], splits: Splits
) -> NDArray[np.bool_]:
    """Splits on an expression of one text as sets of categories.

    Args:
        expression: What the splits compare.
        name: The input that it depends on.
        categories: The texts that it may name; see `named_texts`.
        splits: The splits.

    Returns:
        Whether each category goes left, bool of shape [splits, categories + 2]; the last two are a text
        that is none of them, and NULL.
    """
    values = at_categories(expression, name, categories)
    return splits.outcomes(values[None, :], np.arange(len(splits.threshold))[:, None])


def at_categories(expression: Expression, name: str, categories: Sequence[str]) -> NDArray[Any]:
    """The values of an expression for each category, an unknown text, and NULL."""
    known = set(categories)
    unknown = "unknown"
    while unknown in known:
        unknown += "_"
    texts = np.array([*categories, unknown, NULL_TEXT], dtype=object)
    (values,) = evaluate([expression], {name: texts})
    return np.broadcast_to(values, texts.shape)


def named_texts(expressions: Iterable[Expression]) -> set[str] | None:
    """The texts that expressions compare theirs with; None where they do more than compare."""
    found: set[str] = set()
    for expression in walk(*expressions):
        if expression.operator not in _TEXT_OPERATORS and any(
            part.dtype == "string" for part in expression.arguments
        ):
            return None
        if expression.operator == "lookup":
            found.update(key for key in expression.value.table if isinstance(key, str))
        if expression.operator == "constant" and expression.dtype == "string":
            found.add(str(expression.value))
    found.discard(NULL_TEXT)
    return found if len(found) <= MOST_CATEGORIES else None


def inputs_of(*expressions: Expression) -> list[Expression]:
    """The inputs that expressions depend on."""
    return [part for part in walk(*expressions) if part.operator == "input"]


def only_rounded(expressions: Iterable[Expression]) -> bool:
    """Whether expressions read their inputs only as float32."""
    roots = list(expressions)
    return all(root.operator != "input" for root in roots) and all(
        expression.operator == "isnan" or (expression.operator == "cast" and expression.dtype == "float32")
        for expression in walk(*roots)
        if any(part.operator == "input" for part in expression.arguments)
    )
