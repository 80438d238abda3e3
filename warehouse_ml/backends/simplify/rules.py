"""The rules in their order, and the loop that applies them."""

from collections.abc import Callable

import onnx

from warehouse_ml.backends.simplify.carry_biases import carry_biases
from warehouse_ml.backends.simplify.expand_operators import expand_operators
from warehouse_ml.backends.simplify.flat_columns import flat_columns
from warehouse_ml.backends.simplify.flow import Edit, Flow
from warehouse_ml.backends.simplify.fold_constants import fold_constants
from warehouse_ml.backends.simplify.fold_scaling import fold_scaling
from warehouse_ml.backends.simplify.join_concats import join_concats
from warehouse_ml.backends.simplify.merge_products import merge_products
from warehouse_ml.backends.simplify.remove_identities import remove_identities
from warehouse_ml.backends.simplify.scale_products import scale_products
from warehouse_ml.backends.simplify.use_gemm import use_gemm

Rule = Callable[[Flow], Flow]
"""Returns the flow that it was given where it finds nothing to do."""

RULES: tuple[Rule, ...] = (
    expand_operators,
    fold_constants,
    remove_identities,
    join_concats,
    fold_scaling,
    use_gemm,
    scale_products,
    carry_biases,
    flat_columns,
)
"""Neutral for every row."""

FINITE_RULES: tuple[Rule, ...] = (merge_products,)
"""Neutral for rows without infinities only: inf - inf becomes inf where two products become one."""

_ROUNDS = 20


def simplify(
    model: onnx.ModelProto, *, finite: bool = False, rules: tuple[Rule, ...] = RULES
) -> onnx.ModelProto:
    """Rewrite a graph so that onnxruntime runs it faster.

    Outputs keep their names, types and shapes, and inputs that nothing needs are dropped. Float64 results
    differ by about 1e-12 of the terms that they are summed from, unless an intermediate value overflows in
    one of the two graphs only; float32 results are the same bits.

    Args:
        model: A model; it is not changed. One with sub-graphs, functions or initializers that are inputs
            is returned as it is.
        finite: Whether no input is ever infinite, because all of them have a limit.
        rules: The rules that may be used.

    Returns:
        A new model with the metadata of the old.
    """
    flow = Flow.of(model)
    if flow is None:
        return model
    flow = Edit(flow, flow.nodes).done()
    # products are merged before their biases are carried away
    chosen = (*FINITE_RULES, *rules) if finite else rules
    for _ in range(_ROUNDS):
        before = flow
        for rule in chosen:
            flow = rule(flow)
        if flow is before:
            break
        flow = flow.inferred()  # operators of ai.onnx.ml hide the shapes of what follows them
    return flow.build()
