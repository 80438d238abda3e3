"""The cells of a result as one value: a number, a text, or a STRUCT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from warehouse_ml.backends.no_sql import NoSqlError
from warehouse_ml.backends.program import Expression
from warehouse_ml.backends.spelling import Spelling
from warehouse_ml.backends.sql_expression import Writer
from warehouse_ml.backends.sql_tree import tree_sql
from warehouse_ml.quoting import quoted
from warehouse_ml.signature import Output


def result_sql(writer: Writer, cells: Sequence[Expression], result: Output) -> str:
    """A result; NaN in it becomes NULL.

    Args:
        writer: Writes the cells.
        cells: A cell for each leaf of the result.
        result: The result.
    """
    leaf = _same_leaf(cells)
    if leaf is not None and len(cells) > 1:
        return _struct_at_leaves(writer, cells, leaf, result)
    outputs = list(result.leaves())
    leaves = [
        (leaf_sql(writer, cell, output), writer.range(cell).missing and output.type == "DOUBLE")
        for cell, output in zip(cells, outputs, strict=True)
    ]
    if not any(missing for _, missing in leaves):
        return _assembled(result, iter([text for text, _ in leaves]))
    if result.type != "STRUCT":
        text = leaves[0][0]
        if not writer.range(cells[0]).nan:
            return text
        return f"list_transform([{text}], lambda wml_r: CASE WHEN NOT isnan(wml_r) THEN wml_r END)[1]"
    names = [f"wml_r.r{place}" for place in range(len(leaves))]
    packed = ", ".join(f"r{place} := {text}" for place, (text, _) in enumerate(leaves))
    texts = [
        f"CASE WHEN NOT isnan({name}) THEN {name} END" if missing else name
        for name, (_, missing) in zip(names, leaves, strict=True)
    ]
    body = _assembled(result, iter(texts), iter(zip(names, [m for _, m in leaves], strict=True)))
    return f"list_transform([struct_pack({packed})], lambda wml_r: {body})[1]"


def _struct_at_leaves(writer: Writer, cells: Sequence[Expression], leaf: Expression, result: Output) -> str:
    spelling = writer.spelling

    def shown(place: int) -> str:
        texts = [
            _as_type(spelling.number(cell.value[place], cell.dtype), cell.dtype, output.type, spelling)
            for cell, output in zip(cells, result.leaves(), strict=True)
        ]
        return _assembled(result, iter(texts))

    return tree_sql(writer, leaf, shown)


def _same_leaf(cells: Sequence[Expression]) -> Expression | None:
    places = {id(cell.arguments[0]) for cell in cells if cell.operator == "take"}
    if len(places) != 1 or any(cell.operator != "take" for cell in cells):
        return None
    return cells[0].arguments[0] if cells[0].arguments[0].operator == "leaf" else None


def leaf_sql(writer: Writer, cell: Expression, output: Output) -> str:
    """A cell as a value of its output's type."""
    text = writer.certain(cell) if cell.dtype == "bool" else writer.value(cell)
    return _as_type(text, cell.dtype, output.type, writer.spelling)


def _as_type(text: str, dtype: str, kind: str, spelling: Spelling) -> str:
    """A cell as a value of its SQL type."""
    if (dtype, kind) in (("float64", "DOUBLE"), ("string", "VARCHAR"), ("bool", "BOOLEAN")):
        return text
    if kind in ("DOUBLE", "BIGINT", "BOOLEAN") and dtype not in ("string",):
        if kind == "BIGINT" and dtype.startswith("float"):
            text = f"trunc({text})"
        types = {"DOUBLE": spelling.double_type, "BIGINT": spelling.whole_type}
        return f"CAST({text} AS {types.get(kind, kind)})"
    raise NoSqlError(f"a result of the type {kind}")


def _assembled(
    output: Output, texts: Iterator[str], missing: Iterator[tuple[str, bool]] | None = None
) -> str:
    """The texts of the leaves as the result; a STRUCT is NULL where all its parts are.

    Args:
        output: The result.
        texts: The SQL text of each leaf.
        missing: For each leaf a name for its value, and whether it can be NaN or NULL.
    """
    if output.type != "STRUCT":
        return next(texts)
    tests = []
    parts = []
    for field in output.fields:
        leaves = [next(missing) for _ in field.leaves()] if missing is not None else []
        tests += leaves
        inner = iter(leaves) if leaves else None
        parts.append(f"{quoted(field.name)} := {_assembled(field, texts, inner)}")
    packed = f"struct_pack({', '.join(parts)})"
    if not tests or not all(possible for _, possible in tests):
        return packed
    present = " OR ".join(f"NOT isnan({name})" for name, _ in tests)
    return f"CASE WHEN {present} THEN {packed} END"
