"""Recognize functions that the exporters compose of simpler ones, and of which more is known than of these.

`log1p` is written with a correction that is a product of a rising and a falling factor; it rises all the
same, up to an ulp or two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from warehouse_ml.backends.program import Expression
from warehouse_ml.backends.read import read_program
from warehouse_ml.graph import elementary
from warehouse_ml.graph.graph import Graph
from warehouse_ml.graph.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Rising:
    """A function that rises.

    Attributes:
        function: It, as the exporters write it.
        ends: Where its domain ends; it is NaN beyond.
    """

    function: Callable[[Tensor], Tensor]
    ends: tuple[float, ...] = ()


RISING: Mapping[str, Rising] = {
    "log1p": Rising(elementary.log1p, (-1.0,)),
    "expm1": Rising(elementary.expm1),
    "arcsinh": Rising(elementary.arcsinh),
    "sinh": Rising(elementary.sinh),
    "arccosh": Rising(elementary.arccosh, (1.0,)),
    "arctanh": Rising(elementary.arctanh, (-1.0, 1.0)),
}


def rising(expression: Expression) -> tuple[Expression, tuple[float, ...]] | None:
    """The argument of a rising function, and where its domain ends; None if it is none of these."""
    for name, entry in RISING.items():
        argument = _matched(_form(name), expression)
        if argument is not None:
            return argument, entry.ends
    return None


@lru_cache(maxsize=len(RISING))
def _form(name: str) -> Expression:
    graph = Graph()
    result = RISING[name].function(graph.input("x", "float64"))
    (form,) = read_program(graph.build({"y": result})).outputs["y"]
    return form


def _matched(form: Expression, expression: Expression) -> Expression | None:
    """What stands in an expression where its form has the input, if it has that form."""
    found: dict[int, Expression] = {}
    argument: Expression | None = None
    stack = [(form, expression)]
    while stack:
        wanted, given = stack.pop()
        if id(wanted) in found:
            if found[id(wanted)] is not given:
                return None
            continue
        found[id(wanted)] = given
        if wanted.operator == "input":
            argument = given
            continue
        if (wanted.operator, wanted.dtype) != (given.operator, given.dtype):
            return None
        if wanted.operator == "constant":
            if np.asarray(wanted.value).tobytes() != np.asarray(given.value).tobytes():
                return None
        elif wanted.value is not given.value or len(wanted.arguments) != len(given.arguments):
            return None
        stack.extend(zip(wanted.arguments, given.arguments, strict=True))
    return argument
