"""Score rows that lie here by the functions that are deployed on Snowflake."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from warehouse_ml.engines.arrow import Column
from warehouse_ml.engines.snowflake_ddl import call_of
from warehouse_ml.engines.snowflake_sql import rendered
from warehouse_ml.model import ModelVersion
from warehouse_ml.signature import TYPES, Method, Output

_VALUES_PER_STATEMENT = 100_000
"""How many values are bound at once: a bound text has a limit of 16 MB."""


class Host(Protocol):
    """What scoring asks of its engine."""

    schema: str

    def run(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a statement and give its rows."""
        ...


def deployed_scores(host: Host, version: ModelVersion, method: Method, rows: Any) -> list[Column]:
    """What the deployed function of a version says of rows. The rows are bound, so no statement shows them.

    Args:
        host: The engine.
        version: The version.
        method: One that it has.
        rows: A `pyarrow.Table` with a column for each feature, in order.

    Returns:
        For each leaf of the method's result an object array of shape [rows], and the mask of its NULLs.
    """
    output = version.signature.result(method)
    if output is None:
        return []
    sql = _select(version, method, host.schema)
    size = max(1, _VALUES_PER_STATEMENT // max(1, rows.num_columns))
    scores: list[Any] = []
    for start in range(0, rows.num_rows, size):
        bound = json.dumps(_texts(rows.slice(start, size)))
        scores += [score for (score,) in host.run(sql, [bound])]
    leaves = list(zip(*(_leaves(score, output) for score in scores), strict=True))
    return [_column(values) for values in leaves or [()] * len(list(output.leaves()))]


def _select(version: ModelVersion, method: Method, schema: str) -> str:
    features = [_feature(place, feature.type) for place, feature in enumerate(version.signature.features)]
    function, arguments = call_of(version, method, schema, features)
    return rendered("select_scores", function=function, arguments=arguments)


def _feature(place: int, kind: str) -> str:
    text = f"r.value[{place}]::VARCHAR"
    if kind == "TIMESTAMP":  # a session's own format for times does not matter then
        return f"TO_TIMESTAMP_NTZ({text}::NUMBER(38,0), 6)"
    return f"{text}::{TYPES[kind].snowflake}"


def _texts(rows: Any) -> list[list[str | None]]:
    """The values of each row as texts, which lose no digit on their way, as numbers in JSON might."""
    columns = [_column_texts(column) for column in rows.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def _column_texts(column: Any) -> list[str | None]:
    if pa.types.is_floating(column.type):
        return [None if value is None else repr(value) for value in column.to_pylist()]
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us")).cast(pa.int64())
    texts: list[str | None] = column.cast(pa.string()).to_pylist()
    return texts


def _leaves(score: Any, output: Output) -> Iterator[Any]:
    """The values of a result's leaves; an OBJECT comes as JSON."""
    if output.type != "STRUCT":
        yield _value(score, output.type)
        return
    fields = json.loads(score) if isinstance(score, str | bytes) else score
    for field in output.fields:
        yield from _leaves(None if fields is None else fields.get(field.name), field)


def _value(score: Any, kind: str) -> Any:
    if score is None:
        return None
    if kind == "DOUBLE":
        return float(score)
    return int(score) if kind == "BIGINT" else score


def _column(values: Sequence[Any]) -> Column:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column, np.array([value is None for value in values], dtype=bool)
