"""Names for values that an expression needs more than once.

SQL has no LET inside an expression. `list_transform([value], lambda name: body)[1]` is one, and costs about
as much as twenty products of a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from warehouse_ml.backends.no_sql import NoSqlError
from warehouse_ml.backends.program import Expression, walk
from warehouse_ml.backends.sql_expression import Writer

LARGEST_WORK = 40_000
"""How many characters DuckDB may bind, each as often as it does, where names are nested: about 40 ms."""

_WORTH = 20.0
"""How much must be saved, in products of a row, for a name to pay."""

_COSTS = {"exp": 12.0, "log": 12.0, "tanh": 20.0, "sigmoid": 15.0, "pow": 20.0, "sqrt": 3.0}


def shared_levels(
    cells: Sequence[Expression], guarded: Sequence[Expression], *, worth: float = _WORTH
) -> list[list[Expression]]:
    """Which values get names: each level may use the names of those before it.

    Args:
        cells: What is written.
        guarded: Expressions that are written once more, in a test before.
        worth: How much must be saved for a name.
    """
    order = list(walk(*cells))
    times: dict[int, float] = dict.fromkeys(map(id, order), 0)
    for cell in cells:
        times[id(cell)] += 1
    cost = _costs(order)
    chosen: set[int] = set()
    for expression in reversed(order):
        count = times[id(expression)]
        if (
            cost[id(expression)] >= worth / 4
            and (count - 1) * cost[id(expression)] >= worth
            and expression.dtype.startswith("float")
        ):
            chosen.add(id(expression))
            count = 1
        for part, factor in _written_parts(expression):
            times[id(part)] += count * factor
    if chosen:
        # the test would be one more time
        chosen |= {id(e) for e in guarded if cost[id(e)] >= _WORTH / 4}
    level: dict[int, int] = {}
    for expression in order:
        below = max([level[id(part)] for part in expression.arguments], default=0)
        level[id(expression)] = below + (id(expression) in chosen)
    depth = max(level.values(), default=0)
    return [
        [e for e in order if id(e) in chosen and level[id(e)] == number] for number in range(1, depth + 1)
    ]


def _written_parts(expression: Expression) -> list[tuple[Expression, int]]:
    """The arguments, and how often each is written."""
    if expression.operator == "leaf":
        forest, tree = expression.value
        splits: dict[int, int] = {}
        stack = [int(forest.roots[tree])]
        while stack:
            node = stack.pop()
            column = int(forest.feature[node])
            if column >= 0:
                splits[column] = splits.get(column, 0) + 1
                stack += [int(forest.left[node]), int(forest.right[node])]
        return [(expression.arguments[column], count) for column, count in splits.items()]
    factor = 2 if expression.operator == "square" else 1
    return [(part, factor) for part in expression.arguments]


def _costs(order: Sequence[Expression]) -> dict[int, float]:
    cost: dict[int, float] = {}
    for expression in order:
        if expression.operator in ("input", "constant"):
            own = 0.0
        elif expression.operator == "lookup":
            own = float(len(expression.value.table))
        elif expression.operator == "leaf":
            own = 20.0
        else:
            own = _COSTS.get(expression.operator, 1.0) * max(1, len(expression.arguments))
        cost[id(expression)] = own + sum(cost[id(part)] for part in expression.arguments)
    return cost


def with_names(
    writer: Writer, levels: Sequence[Sequence[Expression]], prefix: str, body: Callable[[], str]
) -> str:
    """A text with names for shared values.

    Args:
        writer: Writes the values, and is told the names.
        levels: What `shared_levels` returned.
        prefix: What the names begin with; no column should be called so.
        body: Writes what the names are for.

    Raises:
        NoSqlError: They are nested so deep that the engine would take long to bind them.
    """
    values = []
    for depth, level in zip(range(len(levels), 0, -1), levels, strict=True):
        name = f"{prefix}{depth}"
        texts = [writer.value(expression) for expression in level]
        ranges = [writer.range(expression) for expression in level]
        if len(level) == 1:
            writer.bind(level[0], name, ranges[0])
            values.append((name, texts[0]))
            continue
        for place, expression in enumerate(level):
            writer.bind(expression, f"{name}.v{place}", ranges[place])
        fields = ", ".join(f"v{place} := {text}" for place, text in enumerate(texts))
        values.append((name, f"struct_pack({fields})"))
    text = body()
    work = len(text)
    for name, value in reversed(values):
        work = len(value) + 2 * work  # DuckDB 2.0 binds the body of a lambda twice
        text = f"list_transform([{value}], lambda {name}: {text})[1]"
    if work > LARGEST_WORK:
        raise NoSqlError("how deep its names are nested")
    return text
