"""Figures for Prometheus; no label carries a person, a tenant or a file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from model_server.batching import Bad, Good
from model_server.items import Outcome

if TYPE_CHECKING:
    from prometheus_client import Counter, Gauge, Histogram

BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64)
STAGE_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """All figures of one worker process.

    They are made at their first use: the framework tells the library where the workers share their
    figures only after this module was imported.
    """

    @cached_property
    def items(self) -> Counter:
        """Items by task, model and status."""
        from prometheus_client import Counter

        return Counter("urbanki_items", "Items that were answered.", ["task", "model", "status"])

    @cached_property
    def item_errors(self) -> Counter:
        """Failed items by task and error code."""
        from prometheus_client import Counter

        return Counter("urbanki_item_errors", "Items that failed.", ["task", "code"])

    @cached_property
    def batch_items(self) -> Histogram:
        """Size of the batch that each item ran in."""
        from prometheus_client import Histogram

        return Histogram(
            "urbanki_batch_items",
            "Items that ran together, counted once per item.",
            ["task", "model"],
            buckets=BATCH_BUCKETS,
        )

    @cached_property
    def stages(self) -> Histogram:
        """Seconds per item and stage."""
        from prometheus_client import Histogram

        return Histogram(
            "urbanki_stage_seconds",
            "Seconds per item: waiting, decoding, prediction of its batch, encoding.",
            ["task", "stage"],
            buckets=STAGE_BUCKETS,
        )

    @cached_property
    def loaded(self) -> Gauge:
        """1 for each model in memory."""
        from prometheus_client import Gauge

        return Gauge(
            "urbanki_model_loaded",
            "Models in memory, summed over the workers.",
            ["model", "version", "runtime"],
            multiprocess_mode="livesum",
        )

    @cached_property
    def memory(self) -> Gauge:
        """Resident memory that loading a model took."""
        from prometheus_client import Gauge

        return Gauge(
            "urbanki_model_memory_bytes",
            "Growth of resident memory while the model was loaded and warmed up.",
            ["model", "version"],
            multiprocess_mode="livemax",
        )

    @cached_property
    def rejected(self) -> Counter:
        """Requests that were refused as a whole, by error code."""
        from prometheus_client import Counter

        return Counter("urbanki_rejected", "Requests refused as a whole.", ["reason"])

    @cached_property
    def queue_depth(self) -> Gauge:
        """Requests that were accepted and not answered yet."""
        from prometheus_client import Gauge

        return Gauge(
            "urbanki_queue_depth",
            "Requests accepted and not answered yet, summed over the workers.",
            ["task"],
            multiprocess_mode="livesum",
        )

    def count(self, task: str, outcomes: Sequence[Outcome]) -> None:
        """Count the outcomes of one batch."""
        for outcome in outcomes:
            model = outcome.identity.name
            self.stages.labels(task, "queue").observe(outcome.queue_s)
            match outcome.result:
                case Bad(error):
                    self.items.labels(task, model, "error").inc()
                    self.item_errors.labels(task, error.code).inc()
                case Good() as good:
                    self.items.labels(task, model, "ok").inc()
                    self.batch_items.labels(task, model).observe(good.batch_size)
                    self.stages.labels(task, "decode").observe(good.decode_s)
                    self.stages.labels(task, "predict").observe(good.predict_s)
                    self.stages.labels(task, "encode").observe(good.encode_s)


METRICS = Metrics()


def count_only(paths: Collection[str]) -> None:
    """Let the framework count requests to these paths alone.

    It counts before anything was checked and makes lines of figures for every path that anybody
    thinks up, which would fill memory and disk, and show to whoever reads the figures what others
    have asked for.

    Args:
        paths: Paths of the service.
    """
    from bentoml._internal.server.http.instruments import RunnerTrafficMetricsMiddleware

    counted = RunnerTrafficMetricsMiddleware.__call__

    async def call(middleware: Any, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        if scope.get("path") in paths:
            await counted(middleware, scope, receive, send)
        else:
            await middleware.app(scope, receive, send)

    RunnerTrafficMetricsMiddleware.__call__ = call
