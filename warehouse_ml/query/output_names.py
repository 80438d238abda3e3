"""Names for select-list items that hold a model call: the user's own text, as DuckDB names an expression."""

from collections.abc import Iterator

from warehouse_ml.query.blocks import is_query
from warehouse_ml.query.parse import Statement
from warehouse_ml.query.segments import Range
from warehouse_ml.query.splice import Edit
from warehouse_ml.query.stars import read_star
from warehouse_ml.query.tokens import Kind, TokenTree, words
from warehouse_ml.quoting import quoted

_ENDS_LIST = words(
    "FROM INTO WHERE GROUP HAVING WINDOW QUALIFY ORDER LIMIT OFFSET FETCH UNION INTERSECT EXCEPT RETURNING"
)
_ENDS_EXPRESSION = frozenset({"END", "NULL", "TRUE", "FALSE"})


def name_outputs(statement: Statement) -> Iterator[Edit]:
    """Insert ` AS "PREDICT('m', a)"` where the user gave no name.

    Only where the item surely has none, and where a name may stand; what is left has the engine's own name.
    """
    tree = statement.tree
    if tree is None:
        return
    places = [call.token for call in statement.calls]
    for index in range(len(tree.tokens)):
        word = tree.keyword(index)
        is_alias = tree.word(index - 1) == "AS" and not _begins(tree, index)
        if word not in ("SELECT", "RETURNING") or is_alias:
            continue
        for low, high in _items(tree, index):
            held = any(low <= place < high for place in places)
            if held and _can_be_named(tree, low, high):
                end = tree.tokens[high - 1].end
                yield Edit(end, end, f" AS {quoted(_shown(tree, low, high))}")


def _begins(tree: TokenTree, index: int) -> bool:
    """Whether a SELECT after AS begins a query: no other SELECT or FROM is before it."""
    group = tree.parent[index]
    start = 0 if group < 0 else group + 1
    return all(tree.keyword(at) not in ("SELECT", "FROM") for at in tree.level(start, index))


def _items(tree: TokenTree, select: int) -> Iterator[Range]:
    """The items of the select list after a SELECT or RETURNING."""
    group = tree.parent[select]
    high = len(tree.tokens) if group < 0 else tree.closing[group]
    start = select + 1
    if tree.word(start) in ("ALL", "DISTINCT"):
        start += 1
        if tree.word(start) == "ON":
            start = tree.after(start + 1)
    end = next((index for index in tree.level(start, high) if _ends_list(tree, index)), high)
    yield from (part for part in tree.split(start, end, ",") if part[0] < part[1])


def _ends_list(tree: TokenTree, index: int) -> bool:
    before = tree.word(index - 1)
    if tree.keyword(index) in _ENDS_LIST:
        is_comparison = before == "DISTINCT" and tree.word(index - 2) in ("IS", "NOT")
        return not (is_comparison or before in ("AS", "WITHIN") or _is_modifier(tree, index))
    pair = (tree.word(index), tree.word(index + 1))
    is_minus = tree.dialect == "snowflake" and tree.keyword(index) == "MINUS" and before != "AS"
    return is_minus or tree.is_symbol(index, ";") or pair in (("USING", "SAMPLE"), ("ON", "CONFLICT"))


def _is_modifier(tree: TokenTree, index: int) -> bool:
    follows = tree.is_symbol(index + 1, "(") and not is_query(tree, index + 1)
    return tree.word(index) == "EXCEPT" and tree.is_symbol(index - 1, "*") and follows


def _can_be_named(tree: TokenTree, low: int, high: int) -> bool:
    positions = tree.level(low, high)
    words = [tree.keyword(index) for index in positions]
    spreads = words[0] == "UNNEST" or any(tree.word(index) == "COLUMNS" for index in range(low, high))
    is_star = read_star(tree, low, high) is not None or tree.is_symbol(low, "*")
    has_prefix = tree.dialect == "duckdb" and tree.is_name(low) and tree.is_symbol(low + 1, ":")
    return not (spreads or is_star or has_prefix or "AS" in words) and _ends_unnamed(tree, low, high)


def _ends_unnamed(tree: TokenTree, low: int, high: int) -> bool:
    """Whether the last token surely belongs to the expression, and is no alias."""
    last, before = tree.tokens[high - 1], tree.tokens[high - 2] if high - low > 1 else None
    if last.kind in (Kind.SYMBOL, Kind.NUMBER, Kind.PARAMETER) or last.word in _ENDS_EXPRESSION:
        return True
    if before is None or before.kind is not Kind.SYMBOL:
        return before is not None and before.word in ("AND", "OR", "NOT", "LIKE", "ILIKE", "FROM")
    return before.text not in (")", "]", "}")


def _shown(tree: TokenTree, low: int, high: int) -> str:
    """The text of an item on one line: white space and comments between its tokens become one blank."""
    parts = []
    for index in range(low, high):
        token = tree.tokens[index]
        gap = index > low and token.start > tree.tokens[index - 1].end
        parts.append(f" {token.text}" if gap else token.text)
    return "".join(parts)
