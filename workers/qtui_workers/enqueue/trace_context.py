"""The trace in which a job is enqueued: it travels in the job's meta, where the tools that watch a worker look for it."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any


def trace_context() -> dict[str, Any]:
    """The fields of meta that continue the current trace; none where no tool traces.

    `traceparent` and `tracestate` (W3C Trace Context) where the program uses OpenTelemetry, as opentelemetry-instrumentation-rq
    reads them, and `_sentry_trace_headers` where it uses sentry-sdk with its RqIntegration.
    """
    found: dict[str, Any] = {}
    with suppress(Exception):  # enqueuing must not fail because of a tool
        _of_opentelemetry(found)
    with suppress(Exception):
        _of_sentry(found)
    return found


def _of_opentelemetry(found: dict[str, Any]) -> None:
    if "opentelemetry.trace" in sys.modules:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        TraceContextTextMapPropagator().inject(found)


def _of_sentry(found: dict[str, Any]) -> None:
    if "sentry_sdk" in sys.modules:
        import sentry_sdk

        scope = sentry_sdk.get_current_scope()
        traced = scope.span is not None or getattr(scope, "streamed_span", None) is not None
        if traced and sentry_sdk.get_client().get_integration("rq") is not None:
            found["_sentry_trace_headers"] = dict(scope.iter_trace_propagation_headers())
