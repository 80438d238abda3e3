"""Make a graph that onnxruntime runs faster, with the same results.

`flow` is a graph as the rules see it, `rules` has their order; every other module but `packed` is one rule.
"""

from warehouse_ml.backends.simplify.packed import PACKED, packed
from warehouse_ml.backends.simplify.rules import FINITE_RULES, RULES, simplify

__all__ = ["FINITE_RULES", "PACKED", "RULES", "packed", "simplify"]
