"""Run a model's SQL expression on the emulated Snowflake, and compare it with what the handler says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from snowflake.connector.errors import ProgrammingError

from tests.backends.inline_check import METHODS, Inlined, same
from warehouse_ml.backends.spelling import SNOWFLAKE_SPELLING
from warehouse_ml.signature import Method

RAISING_ROWS = 2
"""For how many rows that raise the sentences are compared: each takes a statement."""

TYPES = {"double": "FLOAT", "string": "VARCHAR", "bool": "BOOLEAN", "int64": "NUMBER(18,0)"}

_SENTENCE = re.compile(r"wml_refusal: ScoringError: (.*?)(?:\n in function |\Z)", re.DOTALL)


def differences(
    run: Any, model: Inlined, table: pa.Table, types: Mapping[str, str] | None = None
) -> list[str]:
    """What differs, for every method; each must have an expression.

    Args:
        run: A cursor of the connector.
        model: The model.
        table: A column for each feature, in order.
        types: The SQL type of columns that shall not have that of the table.
    """
    kinds = [TYPES[str(field.type)] for field in table.schema]
    columns = [
        (name.upper(), (types or {}).get(name, kind))
        for name, kind in zip(table.column_names, kinds, strict=True)
    ]
    listed = ", ".join(f'"{name}" {kind}' for name, kind in columns)
    run.execute(f"CREATE OR REPLACE TABLE t (wml_row INT, {listed})")
    rows = [
        f"({', '.join(map(_written, [place, *row.values()]))})" for place, row in enumerate(table.to_pylist())
    ]
    run.execute(f"INSERT INTO t SELECT * FROM VALUES {', '.join(rows)}")
    methods = [method for method in METHODS if model.signature.result(method) is not None]
    return [
        f"{method}: {text}"
        for method in methods
        for text in _method_differences(model, run, table, columns, method)
    ]


def _method_differences(
    model: Inlined, run: Any, table: pa.Table, columns: list[tuple[str, str]], method: Method
) -> list[str]:
    text = snowflake_sql(model, method, columns)
    if text is None:
        return ["no expression"]
    wanted = model._handler_scores(table, method)
    kept = [row for row, score in enumerate(wanted) if not isinstance(score, tuple)]
    some = ", ".join(map(str, [-1, *kept]))
    scores = dict(run.execute(f"SELECT wml_row, {text} AS s FROM t WHERE wml_row IN ({some})").fetchall())
    found, raising = [], 0
    for row, want in enumerate(wanted):
        raising += row not in scores
        if row not in scores and raising > RAISING_ROWS:
            continue
        got = _read(scores[row]) if row in scores else _raised(run, text, row)
        if not same(got, want):
            found.append(f"{table.slice(row, 1).to_pylist()[0]} gives {got!r}, not {want!r}")
    return found[:5]


def snowflake_sql(model: Inlined, method: Method, columns: list[tuple[str, str]]) -> str | None:
    """The expression over the columns of a table `t`."""
    assert model.form is not None
    names = [f't."{name}"' for name, _ in columns]
    return model.form.sql(method, names, [kind for _, kind in columns], "snowflake")


def _written(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return SNOWFLAKE_SPELLING.double(value)
    return SNOWFLAKE_SPELLING.text(value) if isinstance(value, str) else str(value)


def _read(score: Any) -> Any:
    return json.loads(score) if isinstance(score, str) and score.startswith("{") else score


def _raised(run: Any, text: str, row: int) -> Any:
    try:
        return _read(run.execute(f"SELECT {text} AS s FROM t WHERE wml_row = {row}").fetchall()[0][0])
    except ProgrammingError as error:
        found = _SENTENCE.search(str(error))
        return (found[1],) if found else str(error)
