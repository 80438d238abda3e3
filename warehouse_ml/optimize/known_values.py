"""What the conditions of WHERE say of a call's features: constants, ranges, whether they are NULL.

Only conditions that must all hold, each of one column and constants; the column is spelled as the feature is.
"""

import math
from collections.abc import Mapping

import numpy as np

from warehouse_ml.backends.known_value import Known
from warehouse_ml.optimize.comparisons import Constant, constant_at
from warehouse_ml.optimize.expressions import column_path
from warehouse_ml.optimize.knowledge import Knowledge
from warehouse_ml.optimize.sites import aliases
from warehouse_ml.query.blocks import is_query
from warehouse_ml.query.bound import BoundCall
from warehouse_ml.query.scope import Scope
from warehouse_ml.query.segments import Range
from warehouse_ml.query.select_block import SelectBlock
from warehouse_ml.query.tokens import TokenTree, words

_SIGNS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "=": "=", "==": "="}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
_WHOLE = words("TINYINT UTINYINT SMALLINT USMALLINT INTEGER UINTEGER BIGINT UBIGINT HUGEINT UHUGEINT")
_SUBTOTALS = words("ROLLUP CUBE SETS")

Path = tuple[str, ...]


def known_values(call: BoundCall, block: SelectBlock | None, knowledge: Knowledge) -> Mapping[int, Known]:
    """What is known of the features of a call in the rows that pass the WHERE of its SELECT.

    Args:
        call: The call.
        block: The SELECT around it, or None.
        knowledge: Where the engine is asked.

    Returns:
        Facts by the position of the feature.
    """
    if block is None or len(call.scores) != 1 or call.scope is None or not _holds_at(call, block):
        return {}
    (score,) = call.scores
    hidden = aliases(block)
    found: dict[int, Known] = {}
    facts: dict[Path, list[_Fact]] = {}
    for part in block.conjuncts:
        fact = _fact(block, part)
        if fact is not None:
            facts.setdefault(fact.path, []).append(fact)
    if not facts:
        return {}
    for place, (text, kind) in enumerate(zip(score.features, score.types, strict=True)):
        path = _path(text, block)
        if path is None or path[-1] in hidden or path not in facts or kind is None:
            continue
        for fact in facts[path]:
            known = fact.known(kind, score.version.signature.features[place].type)
            if known is None or (_is_text(known) and not _is_binary(text, call.scope, knowledge)):
                continue
            found[place] = found[place].both(known) if place in found else known
    return found


def _holds_at(call: BoundCall, block: SelectBlock) -> bool:
    """Whether a call is computed on rows that pass WHERE, or is itself a part of WHERE."""
    place = call.call.token
    if block.clause_of(place) not in ("SELECT", "WHERE", "ORDER", "GROUP", "HAVING", "QUALIFY"):
        return False
    tree = block.tree
    if any(tree.keyword(at) in _SUBTOTALS for at in block.tokens()):
        return False
    around = tree.parent[place]
    while around != block.group and around >= 0:
        inside = tree.level(around + 1, tree.closing[around])
        if any(tree.word(at) in ("LAMBDA", "FOR") or tree.is_symbol(at, "->") for at in inside):
            return False
        around = tree.parent[around]
    return True


class _Fact:
    """A condition on one column.

    Attributes:
        path: The column.
        sign: `=`, `<`, `<=`, `>`, `>=`, `BETWEEN`, `IN`, `NULL` or `NOT NULL`.
        constants: What it is compared with.
    """

    def __init__(self, path: Path, sign: str, constants: tuple[Constant, ...] = ()) -> None:
        self.path, self.sign, self.constants = path, sign, constants

    def known(self, sql_type: str, feature_type: str) -> Known | None:
        """What it says of a feature; None where types might be converted on the way."""
        kind = sql_type.partition("(")[0]
        if self.sign == "NULL":
            return Known(values=(), nan=False) if kind not in ("FLOAT", "DOUBLE") else None
        if self.sign == "NOT NULL":
            return Known(null=False)
        if feature_type == "VARCHAR":
            plain = kind in ("VARCHAR", "ENUM") and all(isinstance(c, str) for c in self.constants)
            if not plain or self.sign not in ("=", "IN"):
                return None
            return Known(values=tuple(dict.fromkeys(self.constants)), null=False, nan=False)
        if feature_type == "BOOLEAN":
            plain = kind == "BOOLEAN" and all(isinstance(c, bool) for c in self.constants)
            return Known(values=self.constants, null=False, nan=False) if plain and self.sign == "=" else None
        numbers = all(isinstance(c, int | float) and not isinstance(c, bool) for c in self.constants)
        if feature_type not in ("DOUBLE", "BIGINT") or not numbers:
            return None
        return self._of_number(kind)

    def _of_number(self, kind: str) -> Known | None:
        numbers = [float(c) for c in self.constants if not isinstance(c, str)]
        if kind not in _WHOLE and kind not in ("FLOAT", "DOUBLE", "DECIMAL"):
            return None
        if self.sign in ("=", "IN"):
            low, high = _reach(kind, min(numbers))[0], _reach(kind, max(numbers))[1]
            exact = all(_is_exact(kind, number) for number in numbers)
            values = tuple(dict.fromkeys(map(_number, numbers))) if exact else None
            return Known(low, high, values, null=False, nan=False)
        low, high = -math.inf, math.inf
        if self.sign in (">", ">=", "BETWEEN"):
            low = _reach(kind, numbers[0])[0]
            if self.sign == ">":
                low = _above(kind, numbers[0], low)
        if self.sign in ("<", "<=", "BETWEEN"):
            high = _reach(kind, numbers[-1])[1]
            if self.sign == "<":
                high = -_above(kind, -numbers[-1], -high)
        floating = kind in ("FLOAT", "DOUBLE")
        return Known(low, high, null=False, nan=floating and high == math.inf)  # NaN is above all numbers


def _number(value: float) -> float | int:
    return value if value != 0 else 0.0


def _is_exact(kind: str, value: float) -> bool:
    """Whether a column that equals a constant has its very value, as a DOUBLE."""
    if value == 0 and kind in ("FLOAT", "DOUBLE"):
        return False  # it may be -0.0
    if kind in _WHOLE:
        return abs(value) <= 2.0**53
    if kind == "FLOAT":
        with np.errstate(over="ignore"):
            return float(np.float32(value)) == value
    return kind == "DOUBLE"


def _reach(kind: str, value: float) -> tuple[float, float]:
    """The DOUBLEs between which a column lies that equals a constant in the engine's eyes."""
    if kind == "FLOAT":
        with np.errstate(over="ignore"):
            single = float(np.float32(value))
        return min(single, value), max(single, value)
    if kind == "DOUBLE" or (kind in _WHOLE and abs(value) <= 2.0**53):
        return value, value
    return float(np.nextafter(value, -np.inf)), float(np.nextafter(value, np.inf))


def _above(kind: str, value: float, low: float) -> float:
    """The smallest DOUBLE that a column can be which is above a constant."""
    if kind in _WHOLE and abs(value) <= 2.0**52:
        return math.floor(value) + 1.0
    return float(np.nextafter(value, np.inf)) if kind == "DOUBLE" else low


def _fact(block: SelectBlock, part: Range) -> _Fact | None:
    tree = block.tree
    low, high = part
    while tree.is_symbol(low, "(") and tree.closing[low] == high - 1 and not is_query(tree, low):
        low, high = low + 1, high - 1
    if tree.word(low) == "NOT":
        path = _column(tree, (low + 1, high), block)
        return None if path is None else _Fact(path, "=", (False,))
    path = _column(tree, (low, high), block)
    if path is not None:
        return _Fact(path, "=", (True,))
    end = low
    while end < high and (tree.is_name(end) or tree.is_symbol(end, ".")) and not _is_operator(tree, end):
        end += 1
    path = _column(tree, (low, end), block)
    if path is not None:
        return _after_column(tree, path, end, high)
    first = constant_at(tree, low)
    if first is None or not first[1] < high or tree.tokens[first[1]].text not in _SIGNS:
        return None
    path = _column(tree, (first[1] + 1, high), block)
    sign = _SIGNS[tree.tokens[first[1]].text]
    return None if path is None else _Fact(path, _MIRRORED[sign], (first[0],))


def _is_operator(tree: TokenTree, place: int) -> bool:
    return tree.keyword(place) in ("IS", "IN", "BETWEEN", "NOT")


def _after_column(tree: TokenTree, path: Path, place: int, high: int) -> _Fact | None:
    words_after = [tree.keyword(at) for at in range(place, high)]
    if words_after in (["IS", "NULL"], ["ISNULL"]):
        return _Fact(path, "NULL")
    if words_after in (["IS", "NOT", "NULL"], ["NOTNULL"]):
        return _Fact(path, "NOT NULL")
    sign = _SIGNS.get(tree.tokens[place].text) if place < high else None
    if sign is not None:
        one = constant_at(tree, place + 1)
        return _Fact(path, sign, (one[0],)) if one is not None and one[1] == high else None
    if tree.word(place) == "BETWEEN":
        first = constant_at(tree, place + 1)
        if first is None or tree.word(first[1]) != "AND":
            return None
        last = constant_at(tree, first[1] + 1)
        return _Fact(path, "BETWEEN", (first[0], last[0])) if last and last[1] == high else None
    if tree.word(place) == "IN" and tree.is_symbol(place + 1, "(") and tree.closing[place + 1] == high - 1:
        found = [constant_at(tree, start) for start, _ in tree.split(place + 2, high - 1, ",")]
        ends = [end for _, end in tree.split(place + 2, high - 1, ",")]
        if all(one is not None and one[1] == end for one, end in zip(found, ends, strict=True)):
            return _Fact(path, "IN", tuple(one[0] for one in found if one is not None))
    return None


def _column(tree: TokenTree, part: Range, block: SelectBlock) -> Path | None:
    if part[0] >= part[1]:
        return None
    return _path(tree.text[slice(*tree.span(*part))], block)


def _path(text: str, block: SelectBlock) -> Path | None:
    """The parts of a column's name in lower case, without that of the only table."""
    path = column_path(text)
    if path is None:
        return None
    folded = tuple(part.casefold() for part in path)
    alias = block.alias
    if len(folded) == 2 and alias is not None and folded[0] == alias.strip('"`').casefold():
        return folded[1:]
    return folded


def _is_text(known: Known) -> bool:
    return bool(known.values) and isinstance((known.values or ("",))[0], str)


_ALIKE = (
    ("wml", "WML"),
    ("w\u00f6ml", "woml"),
    ("w\u00f6ml", "wo\u0308ml"),
    ("wml", "w\u0001ml"),
    ("wml", "wml "),
)
"""Texts that some collation takes for equal."""


def _is_binary(text: str, scope: Scope, knowledge: Knowledge) -> bool:
    """Whether a column's texts are equal only where their bytes are: it has no collation."""
    tests = " OR ".join(f"coalesce(wml_text, '{one}') = '{other}'" for one, other in _ALIKE)
    column = f"SELECT (SELECT {text} FROM {scope.source} LIMIT 0) AS wml_text"  # a view is bound once
    return knowledge.sample(scope.local(f"SELECT {tests} FROM ({column})")) == [(False,)]
