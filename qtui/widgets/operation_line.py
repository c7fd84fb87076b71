"""The line at the bottom that shows how far a running operation is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from textual.widgets import Static

from qtui import formatting


@dataclass(frozen=True, slots=True)
class Figures:
    """How far an operation is."""

    title: str
    done: int
    total: int
    """0 while they are still being counted."""
    stopping: bool


class OperationLine(Static):
    """Hidden until an operation runs; asks for the figures ten times a second, so that a fast one costs no more."""

    DEFAULT_CSS = """
    OperationLine { height: 1; dock: bottom; padding: 0 1; background: $primary-muted; display: none; }
    OperationLine.-running { display: block; }
    """

    def __init__(self, figures: Callable[[], Figures | None]) -> None:
        """`figures` gives those of the running operation; None where none runs."""
        super().__init__(markup=False)
        self._figures = figures

    def on_mount(self) -> None:
        """Begin to ask."""
        self.set_interval(0.1, self.follow)

    def follow(self) -> None:
        """Show the figures as they are now."""
        seen = self._figures()
        self.set_class(seen is not None, "-running")
        if seen is None:
            return
        counts = f"{formatting.count(seen.done)} of {formatting.count(seen.total)}" if seen.total else "counting …"
        bar = formatting.bar(seen.done / seen.total if seen.total else None, 24)
        self.update(f"{seen.title}  {bar}  {counts}  {'stopping …' if seen.stopping else 'esc stops'}")
