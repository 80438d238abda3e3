"""Where an expression of one number rises, falls, or stays: what folding thresholds needs to know.

An expression is cut into pieces on each of which it is monotone and is NaN everywhere or nowhere; that
follows from its operators, since rounding keeps the order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.backends.evaluate import evaluate
from warehouse_ml.backends.known_functions import rising
from warehouse_ml.backends.number_line import Keys, Line, Truth, first_change
from warehouse_ml.backends.piece_rules import LARGEST_WHOLE, RULES
from warehouse_ml.backends.program import Expression, walk

MOST_PIECES = 20_000
"""An expression with more pieces is not analysed."""

MOST_TESTS = 1_000_000
"""How many pairs of a piece and a level are looked at."""

_ARITHMETIC = ("add", "sub", "mul", "div", "sum", "dot")
_ROUNDED = ("exp", "log", "tanh", "sigmoid", "erf", "pow")


@dataclass(frozen=True, slots=True)
class Pieces:
    """A line cut into pieces.

    Attributes:
        starts: The first key of each piece, ascending; int64 of shape [pieces].
        direction: 1 where the expression does not fall, -1 where it does not rise, 0 where it is constant;
            int8 of shape [pieces].
    """

    starts: Keys
    direction: NDArray[np.int8]


class Analysis:
    """The expressions of one input, each analysed once."""

    def __init__(self, line: Line, *, exact: bool = False) -> None:
        """Start with nothing analysed.

        Args:
            line: The input.
            exact: Whether functions that onnxruntime and numpy may round differently have no pieces.
        """
        self.line = line
        self._exact = exact
        self._known: dict[int, tuple[Expression, Pieces | None]] = {}

    def pieces(self, root: Expression) -> Pieces | None:
        """The pieces of an expression, or None where it is not known to have any."""
        for expression in walk(root):
            if id(expression) not in self._known:
                found = self._found(expression)
                if found is not None and len(found.starts) > MOST_PIECES:
                    found = None
                self._known[id(expression)] = expression, found
        return self._known[id(root)][1]

    def at(self, expression: Expression, keys: Keys) -> NDArray[Any]:
        """The values of an expression."""
        with np.errstate(all="ignore"):
            (values,) = evaluate([expression], {self.line.name: self.line.numbers(keys)})
        return np.broadcast_to(values, keys.shape)

    def last(self, starts: Keys) -> Keys:
        """The last key of each piece."""
        return np.append(starts[1:] - 1, np.int64(self.line.ends[1]))

    def changes(
        self, starts: Keys, lasts: Keys, truth: Truth, tests: int = 1
    ) -> tuple[NDArray[np.int64], Keys]:
        """Where tests that change at most once within each piece do so.

        Args:
            starts: The first keys of some pieces.
            lasts: Their last keys.
            truth: The outcomes at some keys of some tests, by their numbers.
            tests: How many tests there are.

        Returns:
            The tests that change, and for each the first key of the new outcome; of equal length, in the
            order of the pieces.
        """
        piece = np.repeat(np.arange(len(starts)), tests)
        test = np.tile(np.arange(tests), len(starts))
        before = truth(starts[piece], test)
        chosen = np.flatnonzero(before != truth(lasts[piece], test))
        piece, test = piece[chosen], test[chosen]
        return test, first_change(starts[piece], lasts[piece], test, before[chosen], truth)

    def _found(self, expression: Expression) -> Pieces | None:
        operator = expression.operator
        if operator == "input":
            if expression.value != self.line.name:
                return None
            starts = self.line.starts
            return Pieces(starts, np.ones(len(starts), np.int8))
        if operator == "constant":
            return Pieces(self.line.starts[:1], np.zeros(1, np.int8))
        parts = [self._known[id(part)][1] for part in expression.arguments]
        known = [part for part in parts if part is not None]
        found = self._combined(expression, known) if len(known) == len(parts) else None
        return self._of_known_function(expression) if found is None else found

    def _of_known_function(self, expression: Expression) -> Pieces | None:
        function = None if self._exact else rising(expression)
        pieces = None if function is None else self._known[id(function[0])][1]
        if function is None or pieces is None:
            return None
        starts = self._with_levels(pieces.starts, *function)
        if starts is None:
            return None
        direction = pieces.direction[_places(pieces.starts, starts)]
        outside = np.isnan(self.at(expression, starts).astype(np.float64))
        return Pieces(starts, np.where(outside, 0, direction).astype(np.int8))

    def _combined(self, expression: Expression, parts: list[Pieces]) -> Pieces | None:
        operator, arguments = expression.operator, expression.arguments
        starts = _united([part.starts for part in parts])
        directions = [part.direction[_places(part.starts, starts)] for part in parts]
        if not any(direction.any() for direction in directions):
            return Pieces(starts, np.zeros(len(starts), np.int8))  # a function of constants
        rule = RULES.get(operator)
        rounded = operator in _ROUNDED or (operator == "dot" and len(arguments) > 1)
        if rule is None or (self._exact and rounded):
            return None
        cut = self._cut(expression, starts)
        if cut is None:
            return None
        directions = [direction[_places(starts, cut)] for direction in directions]
        values = [self.at(argument, cut) for argument in arguments]
        direction = rule(expression, directions, values)
        if direction is None:
            return None
        found = Pieces(cut, direction.astype(np.int8))
        return found if self._holds(expression, found) else None

    def _cut(self, expression: Expression, starts: Keys) -> Keys | None:
        """More pieces, so that the operator is monotone on each, or None where they are too many."""
        operator, arguments = expression.operator, expression.arguments
        if operator in ("lt", "le", "gt", "ge"):
            return self._with_changes(starts, [expression])
        if operator == "eq":
            return self._with_changes(starts, [Expression(side, "bool", arguments) for side in ("lt", "le")])
        if operator in ("log", "sqrt", "abs", "pow"):
            return self._with_levels(starts, arguments[0], [0.0])
        if operator == "isinf":
            return self._with_levels(starts, arguments[0], [-np.inf, np.inf])
        if operator == "cast" and expression.dtype == "bool":
            return self._with_levels(starts, arguments[0], [0.0])
        if operator == "cast" and expression.dtype == "int64" and arguments[0].dtype.startswith("float"):
            return self._with_levels(starts, arguments[0], [-LARGEST_WHOLE, LARGEST_WHOLE])
        if operator == "lookup":
            return self._with_levels(starts, arguments[0], list(expression.value.table))
        if operator == "take":
            size = len(expression.value)
            return self._with_levels(starts, arguments[0], range(-size, size))
        moving = [part for part in arguments if part.operator != "constant"]
        if (operator == "mul" and len(moving) > 1) or (operator == "div" and arguments[1] in moving):
            found: Keys | None = starts
            for part in moving:
                found = None if found is None else self._with_levels(found, part, [0.0])
            return found
        return starts

    def _with_changes(self, starts: Keys, tests: Sequence[Expression]) -> Keys:
        lasts = self.last(starts)
        cuts = [self.changes(starts, lasts, partial(self._truth, test))[1] for test in tests]
        return _united([starts, *cuts])

    def _truth(self, test: Expression, keys: Keys, _: NDArray[np.int64]) -> NDArray[np.bool_]:
        return self.at(test, keys).astype(bool)

    def _with_levels(self, starts: Keys, expression: Expression, levels: Sequence[Any]) -> Keys | None:
        """Pieces that also end where a monotone expression comes to, or leaves, one of some values."""
        lasts = self.last(starts)
        first, final = self.at(expression, starts), self.at(expression, lasts)
        moving = np.flatnonzero((first != final) & (first == first))
        if len(moving) == 0:
            return starts
        wanted = np.array(levels, first.dtype if first.dtype.kind == "f" else np.float64)
        low = np.minimum(first[moving], final[moving]).min()
        high = np.maximum(first[moving], final[moving]).max()
        wanted = np.unique(wanted[(wanted >= low) & (wanted <= high)])
        if len(wanted) * len(moving) > MOST_TESTS:
            return None

        def below(keys: Keys, test: NDArray[np.int64]) -> NDArray[np.bool_]:
            values, level = self.at(expression, keys), wanted[test // 2]
            return np.where(test % 2 == 0, values < level, values <= level)

        return _united([starts, self.changes(starts[moving], lasts[moving], below, 2 * len(wanted))[1]])

    def _holds(self, expression: Expression, found: Pieces) -> bool:
        """Whether the ends of the pieces agree with what was concluded: nothing overflowed to NaN."""
        lasts = self.last(found.starts)
        first, last = self.at(expression, found.starts), self.at(expression, lasts)
        if first.dtype.kind != "f":
            return True
        undefined = np.isnan(first)
        if (undefined != np.isnan(last)).any():
            return False
        if expression.operator in _ARITHMETIC:
            # infinity less infinity at both ends says nothing of what lies between them
            given = np.any([np.isnan(self.at(part, found.starts)) for part in expression.arguments], axis=0)
            if (undefined & ~given & (found.starts != lasts)).any():
                return False
        rises, falls = first < last, first > last
        return not ((rises & (found.direction <= 0)) | (falls & (found.direction >= 0))).any()


def _united(parts: list[Keys]) -> Keys:
    return parts[0] if len(parts) == 1 else np.unique(np.concatenate(parts))


def _places(coarse: Keys, fine: Keys) -> NDArray[np.int64]:
    """The coarse piece that each fine piece lies in."""
    return np.searchsorted(coarse, fine, side="right") - 1
