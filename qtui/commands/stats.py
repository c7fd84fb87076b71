"""`qtui stats`: the figures of queues, for people, programs and Prometheus."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

from qtui import connection_options
from qtui.broker.queues import figures as of_queues
from qtui.broker.queues import trend
from qtui.broker.status import Status
from qtui.commands.connection import check_queue, connected
from qtui.commands.options import ContextName, Json, QueueName, Url
from qtui.presentation import formatting, labels
from qtui.printing import documents, listings, output
from qtui.printing.tables import columns
from qtui_workers.command_line.declare import option
from qtui_workers.errors import InvalidInput, QtuiError, Refused

if TYPE_CHECKING:
    from qtui.broker.queues.figures import Figures, QueueFigures, Spread
    from qtui_workers.server.contexts import Context

ORDER: Final = 36


def stats(
    queue: QueueName = None,
    prometheus: Annotated[bool, option("--prometheus", help="In the text format of Prometheus.")] = False,
    serve: Annotated[
        int | None,
        option("--serve", metavar="PORT", min=0, max=65_535, help="Answer Prometheus until Ctrl-C.", show_default=False),
    ] = None,
    host: Annotated[str, option("--host", metavar="ADDRESS", help="The address that --serve listens on.")] = "127.0.0.1",
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """How many jobs enter, finish and fail a second, how long they wait and run, and when a queue will be empty."""
    if json and (prometheus or serve is not None):
        raise InvalidInput("--json goes with neither --prometheus nor --serve")
    if serve is not None:
        return _serve(serve, host, queue, url, context)
    figures, chosen = _look(queue, url, context)
    if prometheus:
        output.say(_metrics().text(figures).rstrip())
    elif json:
        output.emit(document(figures))
    else:
        output.say(_text(figures, connection_options.suffix(chosen)))
    return None


def _look(queue: str | None, url: str | None, context: str | None) -> tuple[Figures, Context]:
    with connected(url, context) as (client, chosen):
        check_queue(client, queue)
        return of_queues.load(client, queue), chosen


def _metrics() -> Any:
    try:
        from qtui.printing import metrics
    except ModuleNotFoundError as error:
        raise Refused(f"{error.name} is not installed on this machine: install qtui-rq[metrics]") from None
    return metrics


def _serve(port: int, host: str, queue: str | None, url: str | None, context: str | None) -> None:
    metrics = _metrics()
    from prometheus_client import start_http_server

    with ExitStack() as stack:
        registry = metrics.registry(lambda: _look(queue, url, context)[0])
        try:
            server, thread = start_http_server(port, host, registry)
        except OSError as error:
            raise QtuiError(f"cannot listen on {host}:{port}: {error.strerror or error}; choose another port") from error
        stack.callback(thread.join)
        stack.callback(server.shutdown)
        output.note(f"metrics: http://{host}:{server.server_port}/metrics (Ctrl-C ends it)")
        threading.Event().wait()


def _text(figures: Figures, here: str) -> str:
    if not figures.queues:
        return listings.of_queues(figures.overview, here)
    head = ["QUEUE", "WAIT", "IN/s", "OK/s", "FAIL/s", "FAILED %", "WAIT p50", "p95", "p99", "RUN p50", "p95", "p99", "EMPTY IN"]
    text = columns(head, [_cells(queue) for queue in figures.queues], range(1, len(head)))
    workers, busy = formatting.count(figures.overview.workers), figures.utilisation
    text += f"\n{workers} workers" + ("" if busy is None else f", {formatting.percent(busy)} of them busy")
    return f"{text}\n{listings.suspended(here)}" if figures.overview.suspended else text


def _cells(queue: QueueFigures) -> list[str]:
    row = queue.row
    return [
        row.name,
        formatting.count(row.count(Status.QUEUED)),
        formatting.rate(row.enqueued_per_second),
        formatting.rate(row.finished_per_second),
        formatting.rate(row.failed_per_second),
        formatting.percent(queue.failed_share),
        *_percentiles(queue.wait),
        *_percentiles(queue.run),
        labels.drain(row),
    ]


def _percentiles(spread: Spread | None) -> list[str]:
    known = (spread.p50, spread.p95, spread.p99) if spread else (None, None, None)
    return [formatting.duration(value) for value in known]


def document(figures: Figures) -> dict[str, Any]:
    """The figures as `qtui stats --json` prints them."""
    seen = figures.overview
    return {
        "at": documents.iso(seen.at),
        "workers": seen.workers,
        "silent_workers": seen.silent,
        "utilisation": figures.utilisation,
        "suspended": seen.suspended,
        "queues": [_of_queue(queue, suspended=seen.suspended) for queue in figures.queues],
    }


def _of_queue(queue: QueueFigures, *, suspended: bool) -> dict[str, Any]:
    return {
        **documents.of_queue(queue.row, suspended=suspended),
        "failed_share": queue.failed_share,
        "wait_seconds": asdict(queue.wait) if queue.wait else None,
        "run_seconds": asdict(queue.run) if queue.run else None,
        "growth_per_second": trend.growth(queue.row),
        "drain_seconds": trend.drain_seconds(queue.row),
    }
