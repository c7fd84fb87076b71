"""The top-level screens, each with its key and its word on the bar; a screen itself is loaded when it is opened."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from qtui_workers.records import Record

if TYPE_CHECKING:
    from textual.screen import Screen


class Place(Record):
    """How a top-level screen is reached."""

    number: int
    """The key that opens it: 1 to 9."""
    name: str
    """The name of its mode, and of its module in `qtui.screens`."""
    title: str
    """The word shown on the bar of screens; its class is named so, followed by "Screen"."""
    hint: str
    """What the screen is for, in a few words; shown in the palette and as a tooltip."""

    def screen(self) -> Screen[None]:
        """A new screen of this kind."""
        made: Screen[None] = getattr(import_module(f"qtui.screens.{self.name}"), f"{self.title}Screen")()
        return made


PLACES: Final = (
    Place(1, "queues", "Queues", "counts, workers, rates, trouble first"),
    Place(2, "jobs", "Jobs", "the jobs of all queues, by status"),
    Place(3, "failures", "Failures", "failed jobs by cause: what fails, since when, and where"),
    Place(4, "live", "Live", "running jobs with their progress, and what happens"),
    Place(5, "workers", "Workers", "who works on what, and who has fallen silent"),
    Place(6, "schedule", "Schedule", "cron jobs and scheduled jobs, the soonest first"),
    Place(7, "limits", "Limits", "what holds jobs back: rate limits, paused queues, held functions"),
    Place(8, "enqueue", "Enqueue", "test jobs of any processor"),
)
"""In the order of the numbers; the first one is shown at the start."""
