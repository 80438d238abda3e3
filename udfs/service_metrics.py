"""What the service counts, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_ROWS = (1, 10, 100, 1_000, 4_000, 10_000, 40_000, 100_000, 400_000, 1_000_000)
_METHOD = ("model", "version", "method")


class Metrics:
    """The figures of one service; no label holds what a caller made up."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "wml_batches", "Batches answered.", (*_METHOD, "status"), registry=self._registry
        )
        self.rows = Counter("wml_rows", "Rows answered with a score.", _METHOD, registry=self._registry)
        self.reused = Counter(
            "wml_reused_answers", "Retries that got the answer of a first try.", registry=self._registry
        )
        self.seconds = Histogram(
            "wml_batch_seconds",
            "From the arrival of a batch to its answer.",
            _METHOD,
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.scored = Histogram(
            "wml_scored_rows", "Rows scored in one run.", _METHOD, buckets=_ROWS, registry=self._registry
        )
        self.queue_rows = Gauge("wml_queue_rows", "Rows that wait or are scored.", registry=self._registry)
        self.ready = Gauge("wml_ready", "Whether all models are loaded.", registry=self._registry)
        self.nodes = Gauge(
            "wml_nodes",
            "Nodes of a model's graph by the provider that runs them.",
            ("model", "version", "provider", "operator"),
            registry=self._registry,
        )
        self._service = Info("wml_service", "What scores.", registry=self._registry)

    def describe(self, facts: Mapping[str, str]) -> None:
        """Set what is known of the whole service."""
        self._service.info(dict(facts))

    def text(self) -> bytes:
        """All figures, as text."""
        return generate_latest(self._registry)
