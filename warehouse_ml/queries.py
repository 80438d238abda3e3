"""The way of a query, from text to rows: parse, bind, optimize, and run on the engine."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace

from warehouse_ml.engines.base import Engine, Namespace, Parameters, Rows
from warehouse_ml.errors import RegistryError, SqlError, WarehouseMLError
from warehouse_ml.explain import Explanation, explain, read_request
from warehouse_ml.functions import Functions
from warehouse_ml.model import ModelVersion
from warehouse_ml.optimize import optimize
from warehouse_ml.optimize.engine_knowledge import EngineKnowledge
from warehouse_ml.optimize.portable_calls import call_writers
from warehouse_ml.optimize.switches import Optimizer
from warehouse_ml.progress import is_wanted, scoring_bar
from warehouse_ml.query.bind import bind
from warehouse_ml.query.binder_errors import translate_binder_error
from warehouse_ml.query.bound import BoundStatement
from warehouse_ml.query.dialect import DUCKDB, PORTABLE, Dialect, snowflake
from warehouse_ml.query.native_call import SCHEMA
from warehouse_ml.query.near_calls import near_call
from warehouse_ml.query.parameters import check_parameters
from warehouse_ml.query.parse import Statement, parse, split
from warehouse_ml.query.translate import translate
from warehouse_ml.registry.registry import Registry
from warehouse_ml.statements import statement
from warehouse_ml.watched_rows import WatchedRows

BATCH_ROWS = 65_536


class Queries:
    """Runs and explains statements on one engine.

    Attributes:
        optimizer: The switches of the rules.
    """

    def __init__(
        self, engine: Engine, registry: Registry, functions: Functions, progress: bool | None = None
    ) -> None:
        """Use an engine, its models and their functions.

        `progress` tells whether what scores for long shows a bar, see `progress.is_wanted`.
        """
        self._engine = engine
        self._registry = registry
        self._functions = functions
        self.optimizer = Optimizer()
        self._progress = progress
        self._dialect = DUCKDB
        if engine.dialect == "snowflake":
            self._dialect = snowflake(getattr(engine, "schema", SCHEMA), engine.device)

    def run(self, text: str, params: Parameters, namespace: Namespace) -> Rows | None:
        """Run the statements of a text; the answer is that of the last one."""
        statements = split(text, self._dialect.source)
        rows = None
        for position, part in enumerate(statements):
            given = params if position == len(statements) - 1 else None
            request = read_request(part, self._dialect.source)
            if request is None:
                rows = self._run(self.bind(part, namespace), given, namespace)
            else:
                told = self.explain(request.text, given, namespace, analyze=request.analyze)
                rows = self._told(told)
        return rows

    def bind(self, text: str, namespace: Namespace) -> BoundStatement:
        """A statement as it is run; the functions that it calls are there."""
        bound = self._bound(text, self._knowledge(namespace), self._dialect)
        try:
            for variant in bound.variants:
                self._functions.offer_variant(variant)
        except RegistryError:  # an open transaction cannot see a new function
            return bound.plain or bound
        return bound

    def compile(self, text: str, namespace: Namespace, dialect: str | None = None) -> str:
        """The text that an engine runs for the statements of a text; nothing runs.

        Args:
            text: One or more statements in the engine's own dialect.
            namespace: Where tables that the database does not know are looked for.
            dialect: The dialect of the text that is wanted, by default the engine's own. DuckDB's statements
                can be translated to `snowflake`: the models are then called by the names of their functions
                there, which `push` makes, and the tables are those of the same names.

        Raises:
            TranslationError: A statement holds what cannot be said in the other dialect.
            SqlError: There is no such translation.
        """
        own = self._engine.dialect
        wanted = own if dialect is None else dialect.lower()
        if wanted == own:
            return self.bind(text, namespace).text
        if (own, wanted) != ("duckdb", "snowflake"):
            raise SqlError(
                f"A statement of {own} cannot be compiled to {wanted!r}; write 'duckdb' or 'snowflake'."
            )
        parts = split(text, self._dialect.source)
        return ";\n".join(self._translated(part, namespace) for part in parts)

    def _translated(self, text: str, namespace: Namespace) -> str:
        """A statement of DuckDB in Snowflake's dialect."""
        knowledge = self._knowledge(namespace)
        bound = self._bound(text, knowledge, PORTABLE)
        writers = call_writers(bound, self._registry.plan_facts)
        return translate(bound.text.strip(), writers, knowledge.columns)

    def _bound(self, text: str, knowledge: EngineKnowledge, dialect: Dialect) -> BoundStatement:
        parsed = parse(text, dialect.source)
        bound = bind(parsed, _Catalog(self._registry, knowledge, parsed), dialect)
        return optimize(bound, knowledge, self.optimizer.disabled)

    def explain(
        self, text: str, params: Parameters, namespace: Namespace, *, analyze: bool = False
    ) -> Explanation:
        """What a statement becomes; with `analyze`, after running it."""
        bound = self.bind(text, namespace)
        explanation = explain(
            bound,
            self._engine.dialect,
            self._registry.plan_facts,
            self._knowledge(namespace).estimated_rows(bound.text) if bound.calls else None,
        )
        return self._analyzed(explanation, bound, params, namespace) if analyze else explanation

    def _analyzed(
        self, explanation: Explanation, bound: BoundStatement, params: Parameters, namespace: Namespace
    ) -> Explanation:
        before = self._engine.scored()
        start = time.perf_counter()
        rows = self._run(bound, params, namespace)
        count = 0 if rows is None else sum(batch.num_rows for batch in rows.batches(BATCH_ROWS))
        seconds = time.perf_counter() - start
        return replace(explanation, rows=count, seconds=seconds, scored=self._engine.scored() - before)

    def _run(self, bound: BoundStatement, params: Parameters, namespace: Namespace) -> Rows | None:
        check_parameters(bound, params)
        for call in bound.calls:
            self._functions.offer(call.version, call.functions)
        watch = self._watch if bound.calls and is_wanted(self._progress) else nullcontext
        try:
            with watch():
                rows = self._engine.query(
                    bound.text, params, namespace=namespace, provide=self._functions.provide
                )
        except self._engine.bind_error as error:
            if bound.plain is not None:  # the engine says best of the user's own text what is wrong with it
                return self._run(bound.plain, params, namespace)
            translated = translate_binder_error(str(error), bound)
            text, dialect = bound.statement.text, self._dialect.source
            translated = translated or near_call(str(error), text, dialect, self._is_model)
            if translated is None:
                raise
            raise translated from None
        return rows if rows is None or watch is nullcontext else WatchedRows(rows, watch)

    def _is_model(self, name: str, selector: str) -> bool:
        try:
            self._registry.resolve(name, selector)
        except WarehouseMLError:
            return False
        return True

    @contextmanager
    def _watch(self) -> Iterator[None]:
        with (
            self._engine.progress() as share,
            scoring_bar(share, lambda: self._engine.scored().rows),
        ):
            yield

    def _told(self, explanation: Explanation) -> Rows | None:
        """An explanation as rows, a line each, with the columns of the engine's own EXPLAIN."""
        lines = [(title, line) for title, text in explanation.sections() for line in text.splitlines()]
        lists = [[title for title, _ in lines], [line for _, line in lines]]
        is_duckdb = self._engine.dialect == "duckdb"  # Snowflake binds no lists
        values = lists if is_duckdb else [json.dumps(part) for part in lists]
        return self._engine.query(statement(self._engine.dialect, "select_explanation"), values)

    def _knowledge(self, namespace: Namespace) -> EngineKnowledge:
        return EngineKnowledge(self._engine, namespace, self._functions.provide, self._registry.plan_facts)


class _Catalog:
    """What binding asks: the registry for versions, and for columns what the rules ask too."""

    def __init__(self, registry: Registry, knowledge: EngineKnowledge, statement: Statement) -> None:
        self._registry = registry
        references = {(call.model, call.selector) for call in statement.calls}
        # for one of them DuckDB answers two simple questions sooner; Snowflake is asked over a network
        together = len(references) > 1 or knowledge.dialect == "snowflake"
        self._known = registry.resolve_together(references) if together else {}
        self.columns = knowledge.columns

    def resolve(self, name: str, selector: str) -> ModelVersion:
        return self._known.get((name, selector)) or self._registry.resolve(name, selector)
