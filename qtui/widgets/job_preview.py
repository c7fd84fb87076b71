"""The job under the cursor in short, beside a list of jobs."""

from __future__ import annotations

import json

from textual.content import Content
from textual.widgets import Static

from qtui import formatting, labels
from qtui.broker.models import JobDetail
from qtui_workers.text import printable

TRACEBACK_LINES = 14


class JobPreview(Static):
    """Status, progress, payload, result and the end of the traceback."""

    def __init__(self) -> None:
        super().__init__(markup=False)

    def show(self, detail: JobDetail | None, now: float) -> None:
        """Show a job, or nothing."""
        self.update(_preview(detail, now) if detail else "")


def _preview(detail: JobDetail, now: float) -> Content:
    row = detail.row
    parts = [
        Content.styled(printable(row.function or row.id), "bold"),
        Content(f"{labels.status(row)}, {formatting.ago(row.moment, now)}"),
    ]
    parts += [Content.styled(f"⚠ {printable(problem)}", "$text-warning") for problem in detail.problems]
    if row.progress:
        parts += [Content(formatting.progress(row.progress, 20))]
    parts += _block("payload", json.dumps(detail.payload, indent=2, ensure_ascii=False, default=str))
    if detail.result is not None:
        parts += _block("result", json.dumps(detail.result, indent=2, ensure_ascii=False, default=str))
    if detail.traceback:
        parts += _block("traceback", "\n".join(detail.traceback.rstrip().splitlines()[-TRACEBACK_LINES:]))
    return Content("\n").join(parts)


def _block(name: str, text: str) -> list[Content]:
    return [Content.styled(f"\n{name}", "$text-muted"), Content(printable(text, 2_000, keep_newlines=True))]
