"""Which execution provider runs each node of a graph, and whether that is what was asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import onnxruntime
from service_settings import StartError

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"

COSTLY = frozenset(
    {
        *("TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor"),
        *("SVMClassifier", "SVMRegressor", "LinearClassifier", "LinearRegressor"),
        *("MatMul", "Gemm", "FusedMatMul", "FusedGemm", "Einsum", "Conv", "ConvTranspose"),
        *("Attention", "MultiHeadAttention", "LSTM", "GRU", "RNN"),
    }
)
"""Operators of which a single one is most of a model's work."""

BOOKKEEPING = frozenset(
    {
        *("Shape", "Size", "Constant", "ConstantOfShape", "Identity", "Range"),
        *("Reshape", "Squeeze", "Unsqueeze", "Flatten", "MemcpyToHost", "MemcpyFromHost"),
    }
)
"""Operators that work on shapes, which onnxruntime keeps on the CPU on purpose."""

Placement = Mapping[tuple[str, str], int]
"""How many nodes there are by provider and operator."""


def providers_of(device: str) -> list[Any]:
    """What a session is opened with.

    Raises:
        StartError: CUDA was asked for, and this onnxruntime has none.
    """
    if device == "cpu":
        return [CPU]
    absent = absence_of_cuda()
    if absent is not None:
        raise StartError(f"WML_DEVICE is 'cuda', but {absent}, or set WML_DEVICE=cpu.")
    return cuda_providers()


def absence_of_cuda() -> str | None:
    """Why there is no CUDA here and what to do, in words; None where onnxruntime was built with it."""
    if CUDA in onnxruntime.get_available_providers():
        return None
    return (
        f"onnxruntime {onnxruntime.__version__} here has no {CUDA}, only "
        f"{', '.join(onnxruntime.get_available_providers())}: install onnxruntime-gpu in place of onnxruntime"
    )


def cuda_providers() -> list[Any]:
    """What a session on CUDA is opened with; what CUDA has not runs on the CPU."""
    if hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()  # finds the libraries of the nvidia packages
    # TF32 keeps ten bits of a factor: scores would differ from the proved ones in the third digit
    return [(CUDA, {"use_tf32": "0"}), CPU]


def placement_of(session: Any) -> Placement | None:
    """Where a session's nodes run, or None where this onnxruntime cannot say."""
    if not hasattr(session, "get_provider_graph_assignment_info"):
        return None
    return Counter(
        (part.ep_name, node.op_type)
        for part in session.get_provider_graph_assignment_info()
        for node in part.get_nodes()
    )


def check_placement(
    reference: str, device: str, active: list[str], placed: Placement | None, *, allow_cpu: bool
) -> None:
    """Refuse a session that does its work elsewhere than it should.

    A costly operator on the CPU is too much, and so are more than half of the nodes that compute.

    Args:
        reference: The model, for the message.
        device: What was asked for.
        active: The providers that the session has.
        placed: Where its nodes run.
        allow_cpu: Whether nodes may run on the CPU all the same.

    Raises:
        StartError: CUDA was asked for, and does not do the bulk of the work.
    """
    if device == "cpu":
        return
    if CUDA not in active:
        raise StartError(
            f"{reference}: {CUDA} could not be started, only {', '.join(active)}: check that the container "
            "has a GPU (nvidia.com/gpu in requests and in limits), and a driver that fits the CUDA libraries."
        )
    reason = None if allow_cpu else fall_of(CUDA, placed)
    if reason is not None:
        remedy = "Push the model for device='cuda', or set WML_ALLOW_CPU_NODES=1 to serve it all the same."
        raise StartError(f"{reference}: {reason}. {remedy}")


def fall_of(wanted: str, placed: Placement | None) -> str | None:
    """Why a session does not do the bulk of its work where it should, in words; None where it does.

    Args:
        wanted: The provider that should run the nodes.
        placed: Where they run.
    """
    if placed is None:
        return f"onnxruntime {onnxruntime.__version__} is too old to say where nodes run"
    computing = {key: count for key, count in placed.items() if key[1] not in BOOKKEEPING}
    fallen = {operator: count for (provider, operator), count in computing.items() if provider != wanted}
    if COSTLY & fallen.keys() or 2 * sum(fallen.values()) > sum(computing.values()):
        return (
            f"{sum(fallen.values())} of {sum(computing.values())} nodes that compute would run "
            f"on the CPU: {_listed(fallen)}"
        )
    return None


def described(placed: Placement | None) -> str:
    """Where nodes run, for a log."""
    if placed is None:
        return "onnxruntime does not say where its nodes run"
    providers = sorted({provider for provider, _ in placed})
    return "; ".join(
        f"{provider} runs {_listed({op: count for (name, op), count in placed.items() if name == provider})}"
        for provider in providers
    )


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {operator}" for operator, count in sorted(counts.items()))
