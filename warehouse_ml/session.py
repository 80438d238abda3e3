"""The one object that a user holds: the way of a model and the way of a query meet here, and only here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from warehouse_ml.catalogue import Catalogue
from warehouse_ml.engines import open_engine
from warehouse_ml.engines.base import Device, Engine, Namespace, Parameters
from warehouse_ml.errors import SampleError
from warehouse_ml.model import ModelVersion
from warehouse_ml.result import Result
from warehouse_ml.signature import MissingPolicy

if TYPE_CHECKING:
    from warehouse_ml.engines.snowflake_deployment import Deployment
    from warehouse_ml.explain import Explanation


def connect(
    target: Any = None,
    *,
    read_only: bool = False,
    progress: bool | None = None,
    device: Device = "cpu",
    deployment: Deployment | None = None,
) -> Session:
    """Open a session.

    Args:
        target: None for a DuckDB database in memory, the path of a DuckDB file, or `snowflake://` and the
            name of a connection in the connector's own configuration. Or a DuckDB connection or a Snowpark
            session that you already have; it stays yours: its settings and transactions are left alone, and
            closing the session leaves it open.
        read_only: Open a file so that nothing can be changed.
        progress: Whether a statement that scores for more than two seconds shows a progress bar; by default
            on a terminal.
        device: What scores. `cuda` is a GPU: on DuckDB this machine's, in gathered batches; on Snowflake that
            of the service whose functions `wml service create` has made.
        deployment: On Snowflake, how the functions of new versions are made.

    Raises:
        DeviceError: There is no such device here.
        WarehouseMLError: It is nothing that a session can be opened on.
    """
    engine = open_engine(target, read_only=read_only, device=device)
    return Session(engine, progress=progress, deployment=deployment)


class Session(Catalogue):
    """A database, its models, and SQL in which PREDICT scores.

    A session serves one thread; `cursor()` gives another thread its own.

    Attributes:
        optimizer: Switches the rules that make statements fast; a cursor starts with the session's.
    """

    def __init__(
        self, engine: Engine, *, progress: bool | None = None, deployment: Deployment | None = None
    ) -> None:
        """Wrap an engine; users call `connect`."""
        super().__init__(engine, deployment)
        from warehouse_ml.queries import Queries  # the rules need numpy, which the package itself does not

        self._progress = progress
        self._queries = Queries(engine, self._registry, self._functions, progress)
        self.optimizer = self._queries.optimizer

    # --- the way of a query -------------------------------------------------------------------

    def sql(self, text: str, params: Parameters = None) -> Result:
        """Run SQL; model calls are resolved, all else reaches the engine byte for byte.

        Args:
            text: One or more statements. What changes data runs now; a last SELECT runs when it is read.
                A table that the database does not know is looked for among the caller's variables.
            params: Values for the parameters of the last statement, by position or by name.

        Raises:
            WarehouseMLError: A model call cannot be resolved; nothing of its statement has run.
        """
        return Result(self._queries.run(text, params, Namespace.of_caller()))

    def compile(self, text: str, *, dialect: str | None = None) -> str:
        """The SQL text that would be sent to the engine for a statement.

        Args:
            text: The statement.
            dialect: `snowflake` for what it would be there, with the same tables and models; no connection
                is needed. By default the session's own.

        Raises:
            WarehouseMLError: A model call cannot be resolved, or a statement cannot be said in that dialect.
        """
        return self._queries.compile(text, Namespace.of_caller(), dialect)

    def explain(self, text: str, *, analyze: bool = False, params: Parameters = None) -> Explanation:
        """How a statement is run: versions, features, NULLs, back ends, rules, and the SQL that is sent.

        The statement `EXPLAIN PREDICT SELECT ...` tells the same as rows, `EXPLAIN ANALYZE PREDICT` too.

        Args:
            text: One statement.
            analyze: Run it, and tell what was scored and how long it took.
            params: Values for its parameters, needed to run it.

        Raises:
            WarehouseMLError: A model call cannot be resolved.
        """
        return self._queries.explain(text, params, Namespace.of_caller(), analyze=analyze)

    # --- the way of a model -------------------------------------------------------------------

    def register(
        self,
        name: str,
        estimator: Any,
        sample: Any,
        *,
        outputs: Sequence[str] | None = None,
        missing: str | Mapping[str, str] | None = None,
        defaults: Mapping[str, Any] | None = None,
        tolerance: float | None = None,
        metrics: Mapping[str, float] | None = None,
        lineage: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        comment: str = "",
        proof_rows: int | None = None,
    ) -> ModelVersion:
        """Export a fitted estimator, prove it equal, and store it as a version.

        Args:
            name: The model's name: letters, digits and underscores; case does not matter.
            estimator: A fitted estimator of scikit-learn, XGBoost or LightGBM.
            sample: Rows that the estimator can score: a pandas, polars or Arrow table, a numpy matrix, a
                sequence of texts, a query, or a result of one.
            outputs: The names of several outputs.
            missing: What a NULL does: `model`, `null` or `error`, for all features or by name. By default
                `model` where the estimator takes missing values, else `null`.
            defaults: Values that take the place of NULL, by feature.
            tolerance: How far a number may be off, relative to it or to the mean magnitude of the sample's
                scores; 1e-5 by default. It is recorded.
            metrics: Figures of your own to store.
            lineage: Facts of your own on where the model comes from.
            tags: Your own labels.
            comment: Your own words.
            proof_rows: How many of the compared rows to keep, for `verify`; 200 by default.

        Returns:
            The new version; or the one that was there, as it was, if the content is the same.

        Raises:
            ExportError: The estimator cannot be exported, or the sample does not fit it.
            ParityError: The exported model does not score as the estimator does.
            InvalidNameError: The name is not an identifier.
            ReadOnlyError: The database cannot be written.
        """
        from warehouse_ml.registration import of_estimator

        self._registry.check_writable(name)
        ready = of_estimator(
            estimator,
            self._rows(sample, Namespace.of_caller()),
            self._engine,
            outputs=None if outputs is None else tuple(outputs),
            missing=missing,
            defaults=defaults,
            tolerance=tolerance,
            proof_rows=proof_rows,
        )
        return self._add(name, ready, metrics=metrics, lineage=lineage, tags=tags, comment=comment)

    def train(
        self,
        name: str,
        estimator: Any,
        query: Any,
        *,
        target: str | Sequence[str] | None = None,
        features: Sequence[str] | None = None,
        test_fraction: float = 0.2,
        seed: int = 0,
        stratify: bool = True,
        sample_weight: str | None = None,
        class_weight: Mapping[Any, float] | str | None = None,
        cross_validation: Any = None,
        progress: bool | None = None,
        missing: str | Mapping[str, str] | None = None,
        defaults: Mapping[str, Any] | None = None,
        tolerance: float | None = None,
        tags: Mapping[str, str] | None = None,
        comment: str = "",
    ) -> ModelVersion:
        """Fit an estimator on a query, measure it on a held-out share, and register it.

        Args:
            name: The model's name.
            estimator: An estimator that need not be fitted; it is cloned, not changed.
            query: A query, or any table that `register` takes as a sample.
            target: The column to predict, or several; None for what learns without one.
            features: The columns to predict from; by default all others.
            test_fraction: The share of the rows that is held out and measured on; 0 holds out none.
            seed: Chooses the held-out rows.
            stratify: Whether every class has its share among the held-out rows.
            sample_weight: The column of the rows' weights.
            class_weight: The weights of the classes, or `balanced`.
            cross_validation: The number of folds, or a splitter of scikit-learn, for further metrics.
            progress: Whether to show progress; by default on a terminal.
            missing: See `register`.
            defaults: See `register`.
            tolerance: See `register`.
            tags: Your own labels.
            comment: Your own words.

        Raises:
            TrainError: The rows, the target and the estimator do not go together.
            WarehouseMLError: See `register`.
        """
        from warehouse_ml.registration import of_estimator
        from warehouse_ml.sample import as_frame
        from warehouse_ml.train import fit

        self._registry.check_writable(name)
        training = fit(
            estimator,
            as_frame(self._rows(query, Namespace.of_caller())),
            target=target,
            features=features,
            test_fraction=test_fraction,
            seed=seed,
            stratify=stratify,
            sample_weight=sample_weight,
            class_weight=class_weight,
            cross_validation=cross_validation,
            progress=progress,
        )
        ready = of_estimator(
            training.estimator,
            training.sample,
            self._engine,
            outputs=_several(target),
            missing=missing,
            defaults=defaults,
            tolerance=tolerance,
        )
        lineage = dict(training.lineage)
        if isinstance(query, str):
            lineage["query"] = query
        return self._add(name, ready, metrics=training.metrics, lineage=lineage, tags=tags, comment=comment)

    def import_onnx(
        self,
        name: str,
        source: Any,
        *,
        sample: Any = None,
        expected: Any = None,
        features: Any = None,
        outputs: Any = None,
        classes: Sequence[str | int | bool] | None = None,
        missing: MissingPolicy | Mapping[str, MissingPolicy] = "null",
        tolerance: float | None = None,
        tags: Mapping[str, str] | None = None,
        comment: str = "",
    ) -> ModelVersion:
        """Register an ONNX file that was made elsewhere.

        Args:
            name: The model's name.
            source: The file, its bytes, or an `onnx.ModelProto`.
            sample: Rows to prove it on; needs `expected`.
            expected: What the model's maker scores for them: labels or numbers, or a matrix of
                probabilities; as many as the sample has rows. A query too.
            features: The names of the features, see `warehouse_ml.import_onnx.read_onnx`.
            outputs: The outputs to use, see there.
            classes: The classes in the order of the probabilities, where the file does not tell.
            missing: What a NULL does, for all features or by name.
            tolerance: See `register`.
            tags: Your own labels.
            comment: Your own words.

        Raises:
            ImportModelError: The file is damaged, unsafe, or no model over columns.
            ParityError: It does not score what is expected.
        """
        from warehouse_ml.registration import of_onnx

        self._registry.check_writable(name)
        ready = of_onnx(
            source,
            self._engine,
            sample=None if sample is None else self._rows(sample, Namespace.of_caller()),
            expected=self._rows(expected, Namespace.of_caller()),
            features=features,
            outputs=outputs,
            classes=classes,
            missing=missing,
            tolerance=tolerance,
        )
        return self._add(name, ready, tags=tags, comment=comment)

    # --- the connection -------------------------------------------------------------------------

    @property
    def connection(self) -> Any:
        """The engine's own connection, for everything else."""
        return self._engine.connection

    def cursor(self) -> Session:
        """A session of its own on the same database, for another thread."""
        session = Session(self._engine.cursor(), progress=self._progress, deployment=self._deployment)
        session.optimizer.disable(*self.optimizer.disabled)
        return session

    def interrupt(self) -> None:
        """Stop the statement that runs, from another thread; nothing happens where none does.

        It changes nothing, and raises StatementInterruptedError where it was started. Ctrl-C does the same
        in the main thread, with KeyboardInterrupt. A transaction that was open waits for its ROLLBACK.
        """
        self._engine.interrupt()

    def close(self) -> None:
        """Close the connection, unless it is the user's own."""
        self._engine.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Session({self._engine!r})"

    def _rows(self, rows: Any, namespace: Namespace) -> Any:
        """A table of whatever the user gave: a query is run, and its rows come in numpy's types."""
        if isinstance(rows, str):
            rows = Result(self._queries.run(rows, None, namespace))
        if isinstance(rows, Result):
            table = rows.arrow()
        elif hasattr(rows, "to_arrow_table"):  # a relation of DuckDB
            table = rows.to_arrow_table()
        else:
            return rows
        from warehouse_ml.sample import as_frame
        from warehouse_ml.training.columns import plain_features

        twice = [name for name in table.column_names if table.column_names.count(name) > 1]
        if twice:
            raise SampleError(f"The query gives two columns called {twice[0]!r}; rename one of them.")
        return plain_features(as_frame(table))


def _several(target: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """The names of several targets; None where there is at most one."""
    return tuple(target) if not isinstance(target, str) and target is not None and len(target) > 1 else None
