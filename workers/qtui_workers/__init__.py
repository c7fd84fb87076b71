"""The processing side: all that a worker machine needs. Each public name is imported at its first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from qtui_workers.define.decorator import processor
    from qtui_workers.define.limit import Limit
    from qtui_workers.define.payload import Payload
    from qtui_workers.define.process_hooks import around_job, once_per_process
    from qtui_workers.define.unrecoverable import Unrecoverable
    from qtui_workers.engine.worker import Worker
    from qtui_workers.enqueue.queue_service import QueueService
    from qtui_workers.errors import RedisUnavailable, Reschedule
    from qtui_workers.rate.limiter import limits
    from qtui_workers.reporting.current_job import current_job_id
    from qtui_workers.reporting.events import follow
    from qtui_workers.reporting.job_recording import progress
    from qtui_workers.server.connection import connect
    from qtui_workers.services.publishing import initiate_publishing

__all__ = [
    "Limit",
    "Payload",
    "QueueService",
    "RedisUnavailable",
    "Reschedule",
    "Unrecoverable",
    "Worker",
    "around_job",
    "connect",
    "current_job_id",
    "follow",
    "initiate_publishing",
    "limits",
    "once_per_process",
    "processor",
    "progress",
]

_DEFINED_IN: Final = {
    "Limit": "define.limit",
    "Payload": "define.payload",
    "QueueService": "enqueue.queue_service",
    "RedisUnavailable": "errors",
    "Reschedule": "errors",
    "Unrecoverable": "define.unrecoverable",
    "Worker": "engine.worker",
    "around_job": "define.process_hooks",
    "connect": "server.connection",
    "current_job_id": "reporting.current_job",
    "follow": "reporting.events",
    "initiate_publishing": "services.publishing",
    "limits": "rate.limiter",
    "once_per_process": "define.process_hooks",
    "processor": "define.decorator",
    "progress": "reporting.job_recording",
}
"""The module that defines each public name."""


def __getattr__(name: str) -> Any:
    """A public name, imported from the module that defines it (PEP 562)."""
    if name not in _DEFINED_IN:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_DEFINED_IN[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
