"""The job under the cursor in short, beside a list of jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.highlight import highlight
from textual.widgets import Static

from qtui.broker.models import JobDetail
from qtui.presentation import formatting, labels
from qtui.presentation.colours import TONES
from qtui.widgets.traceback_view import colour
from qtui_workers.text import printable

LONGEST: Final = 4_000
"""At most this many characters of a payload or a result are shown."""


class JobPreview(Vertical):
    """Who ran it and how it went, the end of its traceback, its result and its payload, as far as there is room."""

    DEFAULT_CSS = """
    JobPreview {
        & > Static { height: auto; }
        & > #frames { text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[JobDetail | None, int] | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="facts", markup=False)
        yield Static(id="frames", markup=False)
        yield Static(id="error", markup=False)
        yield Static(id="values", markup=False)

    def show(self, detail: JobDetail | None, now: float) -> None:
        """Show a job, or nothing; `now` is the server's clock, in seconds since the epoch."""
        facts = list(_facts(detail, now)) if detail else []
        self.query_one("#facts", Static).update(Content("\n").join(facts))
        if (detail, self.size.height) == self._shown:
            return
        self._shown = (detail, self.size.height)
        values = list(_values(detail)) if detail else []
        room = self.size.height - len(facts) - min(len(values), self.size.height // 3)
        frames, error = _end(detail.traceback, room) if detail and detail.traceback else (Content(""), Content(""))
        self.query_one("#frames", Static).update(frames)
        self.query_one("#error", Static).update(error)
        self.query_one("#values", Static).update(Content("\n").join(values))


def _facts(detail: JobDetail, now: float) -> Iterator[Content]:
    row = detail.row
    yield Content.styled(printable(row.function or formatting.UNKNOWN, 300), "bold")
    yield Content(printable(row.id, 200))
    status = f"{labels.status(row)}, {formatting.ago(row.moment, now)}"
    yield Content(", ".join((status, *([f"took {formatting.duration(row.took)}"] if row.took is not None else []))))
    yield _fact("worker", row.worker)
    yield _fact("attempt", labels.attempts(row))
    yield _fact("queue", row.queue)
    if note := labels.note(row, now):
        yield Content.styled(f"⚠ {printable(note, 300)}", TONES["bad"])
    for problem in detail.problems[:3]:
        yield Content.styled(f"⚠ {printable(problem, 300)}", TONES["warn"])
    if row.progress:
        yield Content(formatting.progress(row.progress, 20))


def _fact(name: str, value: str | None) -> Content:
    return Content.assemble((f"{name:<9}", TONES["muted"]), printable(value or formatting.UNKNOWN, 300))


def _end(traceback: str, room: int) -> tuple[Content, Content]:
    """The last lines of a traceback, as many as there is room for: of its frames, and of the error behind them."""
    frames, error = colour(traceback)
    last, lines = error.split("\n")[: max(3, room // 3)], frames.split("\n")
    fitting = max(2, room - len(last) - 2)
    cut = [Content.styled(f"… {len(lines) - fitting:,} lines above", TONES["muted"])] if len(lines) > fitting else []
    return Content("\n").join([Content(""), *cut, *lines[-fitting:]]), Content("\n").join(last)


def _values(detail: JobDetail) -> Iterator[Content]:
    if detail.result is not None:
        yield from _value("result", detail.result)
    yield from _value("payload", detail.payload)


def _value(name: str, value: Any) -> Iterator[Content]:
    yield Content("")
    yield Content.styled(name, TONES["muted"])
    text = printable(json.dumps(value, indent=2, ensure_ascii=False, default=str), LONGEST, keep_newlines=True)
    yield from highlight(text, language="json").split("\n")
