"""The figures as metrics for Prometheus; needs the extra `metrics` (prometheus-client)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from qtui.broker.models import WorkerRow
from qtui.broker.queues.figures import Figures, QueueFigures, Spread
from qtui.broker.status import COUNTED
from qtui_workers.errors import RedisUnavailable
from qtui_workers.text import printable

Gauge = Callable[[QueueFigures], float | None]

GAUGES: dict[str, tuple[str, Gauge]] = {
    "rq_queue_workers": ("Living workers that listen to the queue.", lambda queue: queue.row.workers),
    "rq_queue_paused": ("1 where the queue is paused.", lambda queue: queue.row.paused),
    "rq_queue_oldest_seconds": ("How long the job at the head has waited.", lambda queue: queue.row.oldest_seconds),
    "rq_queue_lost_jobs": ("Started jobs whose worker gives no sign of life.", lambda queue: queue.row.lost),
    "rq_queue_overdue_jobs": ("Scheduled jobs that should have been queued.", lambda queue: queue.row.overdue),
    "rq_queue_enqueued_per_second": ("Jobs queued a second, lately.", lambda queue: queue.row.enqueued_per_second),
    "rq_queue_finished_per_second": ("Jobs that finished a second, lately.", lambda queue: queue.row.finished_per_second),
    "rq_queue_failed_per_second": ("Jobs that failed a second, lately.", lambda queue: queue.row.failed_per_second),
}
"""The metrics with one value for each queue: their meaning, and the value, None where it is not known."""

SPREADS: dict[str, tuple[str, Callable[[QueueFigures], Spread | None]]] = {
    "rq_queue_wait_seconds": ("From being queued to being started, of jobs that ended last.", lambda queue: queue.wait),
    "rq_queue_run_seconds": ("From start to end, of jobs that ended last.", lambda queue: queue.run),
}


class _Figures(Collector):
    """What one look at Redis gives; `rq_up` is 0, and nothing else is there, while Redis cannot be read."""

    def __init__(self, look: Callable[[], Figures]) -> None:
        self._look = look

    def collect(self) -> Iterator[Metric]:
        """The metrics of this moment."""
        try:
            figures = self._look()
        except RedisUnavailable:
            yield GaugeMetricFamily("rq_up", "1 where Redis can be read.", 0)
            return
        yield GaugeMetricFamily("rq_up", "1 where Redis can be read.", 1)
        yield from _of_server(figures)
        yield _of_jobs(figures)
        yield from _of_queues(figures)
        yield from _of_workers(figures.workers)

    def describe(self) -> list[Metric]:
        """Nothing, so that registering it does not look at Redis."""
        return []


def registry(look: Callable[[], Figures]) -> CollectorRegistry:
    """The metrics, read anew with `look` each time they are collected."""
    found = CollectorRegistry()
    found.register(_Figures(look))
    return found


def text(figures: Figures) -> str:
    """The metrics in the text format of Prometheus."""
    return generate_latest(registry(lambda: figures)).decode()


def _of_server(figures: Figures) -> Iterator[Metric]:
    server = figures.overview.server
    for name, meaning, value in (
        ("rq_suspended", "1 where all workers are suspended.", int(figures.overview.suspended)),
        ("rq_redis_memory_bytes", "Memory that Redis uses.", server.memory_used),
        ("rq_redis_memory_max_bytes", "The most that it may use.", server.memory_max),
        ("rq_utilisation", "The share of living workers that run a job, 0 to 1.", figures.utilisation),
    ):
        if value is not None:
            yield GaugeMetricFamily(name, meaning, value)


def _of_jobs(figures: Figures) -> Metric:
    family = GaugeMetricFamily("rq_jobs", "Jobs by queue and status.", labels=("queue", "status"))
    for queue in figures.queues:
        for status in COUNTED:
            family.add_metric((printable(queue.row.name), status.value), queue.row.count(status))
    return family


def _of_queues(figures: Figures) -> Iterator[Metric]:
    for name, (meaning, value) in GAUGES.items():
        family = GaugeMetricFamily(name, meaning, labels=("queue",))
        for queue in figures.queues:
            if (number := value(queue)) is not None:
                family.add_metric((printable(queue.row.name),), number)
        yield family
    for name, (meaning, spread) in SPREADS.items():
        family = GaugeMetricFamily(name, meaning, labels=("queue", "quantile"))
        for queue in figures.queues:
            if (known := spread(queue)) is not None:
                for quantile, seconds in (("0.5", known.p50), ("0.95", known.p95), ("0.99", known.p99)):
                    family.add_metric((printable(queue.row.name), quantile), seconds)
        yield family


def _of_workers(workers: tuple[WorkerRow, ...]) -> Iterator[Metric]:
    states = GaugeMetricFamily("rq_workers", "Registered workers; silent where one gives no sign of life.", labels=("status",))
    counted: dict[str, int] = {}
    for worker in workers:
        status = "silent" if worker.is_silent else worker.status or "unknown"
        counted[status] = counted.get(status, 0) + 1
    for status, number in sorted(counted.items()):
        states.add_metric((status,), number)
    yield states
    ended = CounterMetricFamily("rq_worker_jobs", "Jobs that a worker ended.", labels=("worker", "outcome"))
    for worker in workers:
        for outcome, count in (("finished", worker.successful), ("failed", worker.failed)):
            if count is not None and not worker.is_silent:
                ended.add_metric((printable(worker.name), outcome), count)
    yield ended
