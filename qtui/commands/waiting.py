"""Waits until jobs have ended; meanwhile their state is shown on standard error."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from qtui.broker.diagnosis import queue_look, troubles
from qtui.broker.models import Progress
from qtui.broker.queues import overview
from qtui.presentation import formatting
from qtui.printing import output
from qtui_workers.enqueue.job_snapshot import JobSnapshot
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.errors import NotFound
from qtui_workers.server import keys
from qtui_workers.statuses import parse
from qtui_workers.text import printable

if TYPE_CHECKING:
    import redis

_PERIOD: Final = 5.0
"""Minimum number of seconds between two lines, without a terminal."""


def wait(client: redis.Redis, queue: str, ids: list[str], seconds: float, here: str) -> list[dict[str, Any]]:
    """The end of each job, or its state after `seconds`; if no worker would take the jobs, the reason is printed first."""
    seen = overview.load(client)
    for row in seen.queues:
        if row.name == queue and (seen.suspended or row.paused or not row.workers):
            output.note(printable(str(troubles.verdict(row, seen, queue_look.load(client, row.name), here, keys=False)), 500))
    line = _Line()
    service, deadline = QueueService(client), time.monotonic() + seconds
    try:
        return [_end(client, service, line, ids, place, deadline) for place in range(len(ids))]
    finally:
        line.clear()


def _end(client: redis.Redis, service: QueueService, line: _Line, ids: list[str], place: int, deadline: float) -> dict[str, Any]:
    job_id = ids[place]
    last: Any = b"0"
    while True:
        try:
            state = service.status(job_id)
        except NotFound:
            return {"status": "removed", "result": None, "failed_reason": "the job is gone"}
        left = deadline - time.monotonic()
        status = parse(state.status)
        if (status and status.ended) or left <= 0:
            return {"status": state.status, "result": state.result, "failed_reason": state.failed_reason}
        ended = f"{place:,} of {len(ids):,} ended  " if len(ids) > 1 else ""
        line.show(ended + _in_words(state))
        # Every attempt that ends adds to this stream; a job that ends otherwise (canceled, removed) is noticed a little later.
        entries: Any = client.xread({keys.results(job_id): last}, block=max(1, int(min(left, line.every) * 1000)))
        if entries:
            newest: Any = client.xrevrange(keys.results(job_id), count=1)
            last = newest[0][0]


def _in_words(state: JobSnapshot) -> str:
    """A job that has not ended, as one line: id, status, attempt, progress."""
    progress = state.progress or {}
    done, total = progress.get("done") or 0, progress.get("total")
    known = isinstance(done, int | float) and isinstance(total, int | float | None)
    far = formatting.progress(Progress(done, total, str(progress.get("message", "")))) if progress and known else ""
    attempt = f"attempt {state.attempt}" if (state.attempt or 0) > 1 else ""
    return "  ".join(filter(None, (state.id, state.status, attempt, far)))


class _Line:
    """The line shown while waiting: on a terminal it is rewritten, elsewhere a new line is written every few seconds."""

    def __init__(self) -> None:
        self._terminal = output.is_terminal(sys.stderr)
        self.every = 0.25 if self._terminal else 1.0
        """Seconds between two reads of the job."""
        self._shown = ""
        self._next = time.monotonic() + _PERIOD

    def show(self, text: str) -> None:
        """Show the text, unless it is shown already."""
        text = printable(text, 300)
        if text == self._shown:
            return
        if self._terminal:
            self._rewrite(text)
        elif time.monotonic() >= self._next:
            output.note(text)
            self._next = time.monotonic() + _PERIOD
        else:
            return
        self._shown = text

    def clear(self) -> None:
        """Erase the line on the terminal, and move the cursor to its beginning."""
        if self._terminal and self._shown:
            self._rewrite("")
            output.write_note("\r")

    def _rewrite(self, text: str) -> None:
        output.write_note("\r" + formatting.pad(text, max(20, os.get_terminal_size(sys.stderr.fileno()).columns) - 1))
