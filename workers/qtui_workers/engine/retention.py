"""How many jobs that have ended are kept."""

from __future__ import annotations

import rq.exceptions
from rq.job import Job

from qtui_workers.define.discovery import discover


def kept(job: Job) -> tuple[int | None, int | None]:
    """How many finished and failed jobs of its queue its processor wants kept; None: as many as their age lets."""
    try:
        processor = discover().by_path.get(job.func_name or "") if job.instance is None else None
    except rq.exceptions.DeserializationError:
        return None, None
    return (processor.options.keep_finished, processor.options.keep_failed) if processor else (None, None)
