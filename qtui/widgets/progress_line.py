"""One line that shows the progress of a job."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from qtui.broker.models import Progress
from qtui.broker.status import Tone
from qtui.presentation import formatting
from qtui.widgets.cells import plain


class ProgressLine(Widget):
    """Bar, percent and message; hidden if the job reports no progress."""

    DEFAULT_CSS = "ProgressLine { height: 1; padding: 0 1; display: none; &.-shown { display: block; } }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._progress: Progress | None = None
        self._finished = False

    def show(self, progress: Progress | None, *, finished: bool = False) -> None:
        """Show the progress; None hides the line. Of a job that is `finished` the last steps may not have been reported."""
        if (progress, finished) != (self._progress, self._finished):
            self._progress, self._finished = progress, finished
            self.set_class(progress is not None, "-shown")
            self.refresh()

    def render(self) -> Content:
        known = self._progress
        if known is None:
            return Content("")
        if known.fraction is None or known.total is None:
            return plain((f"{known.done:,g} done", "busy"), f"  {known.message}")
        if self._finished and known.fraction < 1:
            last = f"  last reported: {formatting.percent(known.fraction)}, {known.done:,g} of {known.total:,g}  "
            return plain(("finished", "good"), last, (known.message, "muted"))
        tone: Tone = "good" if known.fraction == 1 else "busy"
        width = max(8, min(40, self.size.width // 3))
        figures = f"  {formatting.percent(known.fraction):>5}  {known.done:,g} of {known.total:,g}  "
        return plain((formatting.bar(known.fraction, width), tone), figures, (known.message, "muted"))
