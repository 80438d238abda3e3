"""How `session.optimizer` is switched; no other file of the benchmarks knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

BACK_ENDS = ("use_plans", "inline_scores")
"""Rules that choose how a model runs; the others rewrite the statement."""


@contextmanager
def without_optimizer(session: Any) -> Iterator[None]:
    """Every rule off: each call goes to onnxruntime, on the graph that was registered."""
    optimizer = getattr(session, "optimizer", None)
    with nullcontext() if optimizer is None else optimizer.off():
        yield


@contextmanager
def back_ends_only(session: Any) -> Iterator[None]:
    """The fast back ends on, the rewrites off."""
    optimizer = getattr(session, "optimizer", None)
    names = [name for name in rules(session) if name in BACK_ENDS]
    with nullcontext() if optimizer is None else optimizer.only(*names):
        yield


@contextmanager
def without_rules(session: Any, beginning: str) -> Iterator[None]:
    """The rules off whose names begin so, all others on."""
    optimizer = getattr(session, "optimizer", None)
    names = [name for name in rules(session) if name.startswith(beginning)]
    with nullcontext() if optimizer is None else optimizer.without(*names):
        yield


def rules(session: Any) -> tuple[str, ...]:
    """The names of the rules, none where there is no optimizer."""
    return tuple(getattr(getattr(session, "optimizer", None), "rules", ()))
