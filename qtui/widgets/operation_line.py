"""The line at the bottom that shows the progress of a running operation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from textual.timer import Timer
from textual.widgets import Static

from qtui.presentation import formatting


@dataclass(frozen=True, slots=True)
class OperationProgress:
    """The progress of an operation."""

    title: str
    done: int
    total: int
    """0 while the jobs are still being counted."""
    seconds: float
    """For how long it has run."""
    step: str
    """What it waits for, which then says more than how fast it is; '' where it only works off its jobs."""
    stopping: bool


class OperationLine(Static):
    """Hidden until an operation runs; then it reads the progress ten times a second, however fast the operation is.

    `follow` has to be called when one begins, and when the screen is seen again.
    """

    DEFAULT_CSS = """
    OperationLine { height: 1; padding: 0 1; background: $primary-muted; display: none; }
    OperationLine.-running { display: block; }
    """

    def __init__(self, progress: Callable[[], OperationProgress | None]) -> None:
        """`progress` returns that of the running operation; None if none runs."""
        super().__init__(markup=False)
        self._progress = progress
        self._timer: Timer | None = None

    def on_mount(self) -> None:
        """Show an operation that runs already."""
        self._timer = self.set_interval(0.1, self.follow, pause=True)
        self.follow()

    def follow(self) -> None:
        """Show the progress as it is now, and on until the operation has ended."""
        seen = self._progress()
        self.set_class(seen is not None, "-running")
        if self._timer:
            (self._timer.pause if seen is None else self._timer.resume)()
        if seen is None:
            return
        self.update(f"{seen.title}  {_words(seen)}  {'stopping …' if seen.stopping else 'esc stops'}")


def _words(seen: OperationProgress) -> str:
    if not seen.total:
        return "counting …"
    if seen.step:
        return f"{formatting.count(seen.done)} of {formatting.count(seen.total)}  {seen.step}"
    return formatting.how_far(seen.done, seen.total, seen.seconds)
