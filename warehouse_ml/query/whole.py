"""The whole number that a node of sqlglot's is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp


def whole(node: exp.Expr | None) -> int | None:
    """The whole number that a node is, or None."""
    from sqlglot import exp

    if isinstance(node, exp.Paren):
        return whole(node.this)
    if isinstance(node, exp.Neg):
        found = whole(node.this)
        return None if found is None else -found
    is_number = isinstance(node, exp.Literal) and not node.is_string and re.fullmatch(r"\d+", str(node.this))
    return int(str(node.this)) if node is not None and is_number else None
