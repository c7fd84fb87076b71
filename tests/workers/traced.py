"""Jobs under Sentry and OpenTelemetry: what these hear is kept in Redis, so that a test sees it."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import redis
import sentry_sdk
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry_instrumentation_rq import RQInstrumentor
from rq.job import Job
from sentry_sdk.envelope import Envelope
from sentry_sdk.integrations.rq import RqIntegration
from sentry_sdk.transport import Transport

from qtui_workers import Payload, QueueService, processor

MODULE = "tests.workers.traced"


def _tell(what: str) -> None:
    with redis.Redis.from_url(os.environ["TRACED"]) as client:
        client.rpush("told", what)


class Told(Transport):
    """In place of Sentry's server."""

    def capture_envelope(self, envelope: Envelope) -> None:
        event = envelope.get_event() or envelope.get_transaction_event() or {}
        raised = (event.get("exception") or {"values": [{}]})["values"][-1].get("type")
        if event.get("type") == "transaction" or raised:
            _tell(f"sentry {event.get('type', 'error')} {raised or event.get('transaction')} {trace_of(event)}")


def trace_of(event: Any) -> str:
    return str(event["contexts"]["trace"]["trace_id"])


class Exporter(SpanExporter):
    """In place of a collector."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        for span in spans:
            _tell(f"span {span.name} {span.context.trace_id:032x}")
        return SpanExportResult.SUCCESS


def watch() -> None:
    """What a program does once, when it begins."""
    sentry_sdk.init("https://key@sentry.example/1", transport=Told, integrations=[RqIntegration()], traces_sample_rate=1.0)
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Exporter()))
    trace.set_tracer_provider(provider)
    if os.environ.get("TRACED_AS_IS"):
        with suppress(AttributeError):  # a method of RQ before 3.0: the instrumentor stops there, half way
            RQInstrumentor().instrument()
        return
    for name in ("execute_success_callback", "execute_failure_callback", "execute_stopped_callback"):
        if not hasattr(Job, name):  # what RQ no longer has
            setattr(Job, name, lambda *_: None)
    RQInstrumentor().instrument()


def add(left: int, right: int) -> int:
    logging.getLogger(MODULE).info("adding")
    return left + right


def silent() -> None:
    """Logs nothing, which would take a round trip of its own."""


class Sum(Payload):
    left: int = 1


class Added(Payload):
    total: int


@processor(queue="default")
def increase(payload: Sum) -> Added:
    """Adds one."""
    return Added(total=payload.left + 1)


def leave() -> None:
    """Ends its process."""
    os._exit(3)


def enqueue_within_a_transaction() -> None:
    """Prints the trace."""
    with sentry_sdk.start_transaction(name="a request") as request, redis.Redis.from_url(os.environ["TRACED"]) as client:
        QueueService(client).enqueue("increase")
    print(request.trace_id)


def fail() -> None:
    raise ValueError("as told")


if os.environ.get("TRACED"):
    watch()
