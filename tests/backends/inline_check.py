"""Compare a model's SQL expression with what the handler says of the same rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import duckdb
import numpy as np
import onnx
import pyarrow as pa

from warehouse_ml.backends.inline import InlineForm, inline_form
from warehouse_ml.backends.read import read_program
from warehouse_ml.engines.arrow import from_arrow, to_arrow
from warehouse_ml.engines.duckdb_functions import create_function
from warehouse_ml.engines.lazy_scorer import LazyScorer
from warehouse_ml.engines.scoring import handler, scoring_function
from warehouse_ml.export import export
from warehouse_ml.sample import Sample
from warehouse_ml.signature import Method, Signature

METHODS: tuple[Method, ...] = ("predict", "predict_proba", "try_predict")

RELATIVE = 1e-12

RAISING_ROWS = 12
"""For how many rows that raise the sentences are compared: each takes a query."""

Raised = tuple[str]
"""A sentence that was raised."""


class Inlined:
    """A model with its handler and its SQL expression.

    Attributes:
        signature: What it takes and returns.
        form: Its form, or None.
        alone: Whether it must have SQL without a function too.
    """

    def __init__(self, model: bytes, signature: Signature) -> None:
        self.signature = signature
        self.alone = True
        self._lazy = LazyScorer(signature)
        self._lazy.offer(self, lambda _, part: model if part == "onnx" else b"")
        self._scorer = handler().Scorer(model, json.loads(signature.to_json()))
        form = inline_form(read_program(onnx.load_from_string(model)), signature)
        self.form = None if form is None else InlineForm.from_json(form.to_json(), signature)

    @classmethod
    def of(cls, estimator: Any, frame: Any, **facts: Any) -> Inlined:
        """Export a fitted estimator.

        Args:
            estimator: The estimator.
            frame: Rows to show its features.
            facts: Facts of `Feature` that each feature is given.
        """
        made = export(estimator, Sample.of(estimator, frame))
        features = [replace(feature, **facts) for feature in made.signature.features]
        made = made.with_features(tuple(features))
        return cls(made.serialize(), made.signature)

    def sql(
        self, method: Method, columns: Sequence[tuple[str, str]], *, otherwise: str | None = None
    ) -> str | None:
        """The expression over the columns of a table `t`.

        Args:
            method: The method.
            columns: The names of the columns, and their types.
            otherwise: The name of a function for rows that are not ordinary.
        """
        assert self.form is not None
        names = [f't."{name}"' for name, _ in columns]
        call = None if otherwise is None else f"{otherwise}({', '.join(names)})"
        return self.form.sql(method, names, [kind for _, kind in columns], otherwise=call)

    def differences(self, table: pa.Table, types: Mapping[str, str] | None = None) -> list[str]:
        """What differs, for every method: values, and the sentences of the rows that raise.

        Args:
            table: A column for each feature, in order.
            types: The SQL type of columns that shall not have that of the table.
        """
        with duckdb.connect() as connection:
            casts = ", ".join(
                f'TRY_CAST("{name}" AS {kind}) AS "{name}"' for name, kind in (types or {}).items()
            )
            changed = f"* REPLACE ({casts})" if casts else "*"
            connection.register("given", table)
            connection.execute(
                f"CREATE TABLE t AS SELECT {changed}, row_number() OVER () AS wml_row FROM given"
            )
            described = connection.sql("DESCRIBE t").fetchall()[:-1]
            columns = [(row[0], row[1]) for row in described]
            stored = connection.sql("SELECT * EXCLUDE wml_row FROM t ORDER BY wml_row").to_arrow_table()
            methods = [method for method in METHODS if self.signature.result(method) is not None]
            for method in methods:
                function = scoring_function(self._lazy, self.signature, method)
                create_function(f"scored_{method}", function, self.signature, method, connection)
            return [
                f"{method} {otherwise or 'alone'}: {text}"
                for method in methods
                for otherwise in (None, f"scored_{method}")
                for text in self._method_differences(connection, stored, columns, method, otherwise)
            ]

    def _method_differences(
        self, connection: Any, rows: pa.Table, columns: Any, method: Method, otherwise: str | None
    ) -> list[str]:
        expression = self.sql(method, columns, otherwise=otherwise)
        output = self.signature.result(method)
        assert output is not None
        if expression is None:
            return [] if otherwise is None and not self.alone else ["no expression"]
        wanted = self._handler_scores(rows, method)
        kept = [row + 1 for row, score in enumerate(wanted) if not isinstance(score, tuple)]
        some = f"wml_row IN ({', '.join(map(str, [0, *kept]))})"
        query = f"SELECT wml_row, {expression} AS s FROM t WHERE {some} ORDER BY wml_row"
        relation = connection.sql(query)
        kinds = str(relation.types[1]), output.sql_type("duckdb")
        alike = connection.sql(f"SELECT typeof(CAST(NULL AS {kinds[0]})) = typeof(CAST(NULL AS {kinds[1]}))")
        found = [] if alike.fetchall()[0][0] else [f"the type is {kinds[0]}"]
        scores = {row - 1: score for row, score in relation.fetchall()}
        raising = 0
        for row, want in enumerate(wanted):
            raising += row not in scores
            if raising > RAISING_ROWS and row not in scores:
                continue
            got = scores[row] if row in scores else _raised(connection, expression, row)
            if not same(got, want):
                found.append(f"{rows.slice(row, 1).to_pylist()[0]} gives {got!r}, not {want!r}")
        return found[:5]

    def _handler_scores(self, rows: pa.Table, method: Method) -> list[Any]:
        """The score of each row, or the sentence that it raises in a tuple."""
        together = self._scored(rows, method)
        if not isinstance(together, tuple):
            return together
        alone = [self._scored(rows.slice(row, 1), method) for row in range(rows.num_rows)]
        return [one if isinstance(one, tuple) else one[0] for one in alone]

    def _scored(self, rows: pa.Table, method: Method) -> Any:
        output = self.signature.result(method)
        assert output is not None
        try:
            features = [
                from_arrow(column, feature.type)
                for column, feature in zip(rows.columns, self.signature.features, strict=True)
            ]
            return to_arrow(self._scorer.score(features, method), output).to_pylist()
        except handler().ScoringError as error:
            return (str(error),)


def _raised(connection: Any, expression: str, row: int) -> Any:
    try:
        return connection.sql(f"SELECT {expression} FROM t WHERE wml_row = {row + 1}").fetchall()[0][0]
    except duckdb.InvalidInputException as error:
        return (str(error).partition("ScoringError: ")[2].strip(),)


def same(got: Any, want: Any) -> bool:
    """Whether two scores are the same: labels exactly, numbers but for rounding."""
    if isinstance(want, dict) and isinstance(got, dict):
        return list(got) == list(want) and all(same(got[name], want[name]) for name in want)
    if isinstance(want, float) and isinstance(got, float):
        return got == want or abs(got - want) <= RELATIVE * max(abs(want), 1e-3)
    return type(got) is type(want) and bool(got == want)


NUMBERS = (
    None, float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1e-310, 1e30, -1e30, 3.4028234663852886e38,
    3.5e38, -3.5e38, 1e308, -1.7976931348623157e308, 1e16, 0.1,
)  # fmt: skip
"""Numbers that are put into each numeric feature."""

TEXTS = (
    None,
    "",
    "never seen",
    "it's",
    'a "quoted" one',
    'it\'s "both"',
    "a\nb\t\\",
    "Ünseen ❄",
    "\ufdd0NULL",
)
"""Texts that are put into each text feature."""


def hard_table(frame: Any, kinds: Mapping[str, Any] | None = None) -> pa.Table:
    """The rows of a frame, and some of them with one value after the other replaced by a hard one.

    Args:
        frame: Rows without missing values, or with None and NaN as they are.
        kinds: Arrow types of columns that are neither numbers nor texts; they get NULL alone.
    """
    kinds = kinds or {}
    rows = [list(row) for row in frame.itertuples(index=False, name=None)]
    base = [list(row) for row in rows[:2]]
    for place, name in enumerate(frame.columns):
        texts = frame[name].dtype == object or str(frame[name].dtype) in ("str", "string")
        values: Sequence[Any] = (None,) if name in kinds else TEXTS if texts else NUMBERS
        for value in values:
            for row in base:
                rows.append([*row[:place], value, *row[place + 1 :]])
    rows.append([None] * len(frame.columns))
    columns = {}
    for place, name in enumerate(frame.columns):
        texts = frame[name].dtype == object or str(frame[name].dtype) in ("str", "string")
        kind = kinds.get(name, pa.string() if texts else pa.float64())
        values = [row[place] for row in rows]
        columns[name] = pa.array(values if name in kinds else [_plain(v) for v in values], kind)
    return pa.table(columns)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
