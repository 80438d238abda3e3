"""The parameters of CREATE MACRO: names that stand for a value while the engine is asked what is in scope."""

from collections.abc import Iterator

from warehouse_ml.query.splice import Edit
from warehouse_ml.query.tokens import TokenTree

_KINDS = ("MACRO", "FUNCTION")
_BEFORE = frozenset({"CREATE", "REPLACE", "TEMP", "TEMPORARY"})


def macro_parameters(tree: TokenTree) -> Iterator[Edit]:
    """A NULL for each place in a macro's body where one of its parameters stands."""
    for index in range(len(tree.tokens)):
        if tree.keyword(index) in _KINDS and tree.word(index - 1) in _BEFORE:
            start = _list_start(tree, index + 1)
            if start is not None:
                yield from _uses(tree, _names(tree, start), tree.after(start))


def _list_start(tree: TokenTree, index: int) -> int | None:
    """Where the list of parameters opens, after `[IF NOT EXISTS] [schema.]name`."""
    while index < len(tree.tokens) and (tree.is_name(index) or tree.is_symbol(index, ".")):
        index += 1
    return index if tree.is_symbol(index, "(") else None


def _names(tree: TokenTree, start: int) -> set[str]:
    parts = tree.split(start + 1, tree.closing[start], ",")
    return {tree.tokens[low].name.casefold() for low, high in parts if low < high}


def _uses(tree: TokenTree, names: set[str], start: int) -> Iterator[Edit]:
    for index in range(start, len(tree.tokens)):
        token = tree.tokens[index]
        if not token.is_name or token.name.casefold() not in names:
            continue
        # t.n and n.t are columns, n(...) is a function, AS n and n := are names that are given
        is_part = tree.is_symbol(index - 1, ".") or any(
            tree.is_symbol(index + 1, s) for s in (".", "(", ":=", "=>")
        )
        if not is_part and tree.word(index - 1) != "AS":
            yield Edit(token.start, token.end, "NULL")
