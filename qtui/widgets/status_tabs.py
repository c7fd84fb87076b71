"""A row of tabs, one for each status, with how many jobs are in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from qtui import formatting
from qtui.broker.status import STATUSES, Status
from qtui.theme import TONES


class StatusTabs(Widget):
    """Glyph, word and count of each status; if there is too little space, all but the active one are shortened.

    The screen has the keys, and calls `move`.
    """

    DEFAULT_CSS = "StatusTabs { height: 1; padding: 0 1; }"

    active: reactive[Status] = reactive(Status.QUEUED, init=False)
    """The status whose tab is open."""

    class Changed(Message):
        """Another tab was opened."""

        def __init__(self, tabs: StatusTabs, status: Status) -> None:
            super().__init__()
            self.tabs = tabs
            self.status = status

        @property
        def control(self) -> StatusTabs:
            return self.tabs

    def __init__(
        self,
        statuses: Sequence[Status],
        *,
        active: Status | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.statuses = tuple(statuses)
        self.set_reactive(StatusTabs.active, active or self.statuses[0])
        self._counts: Mapping[Status, int] = {}
        self._spans: list[tuple[range, Status]] = []

    def show(self, counts: Mapping[Status, int]) -> None:
        """Show how many jobs are in each status; the count of a missing status is not known."""
        if counts != self._counts:
            self._counts = dict(counts)
            self.refresh()

    def move(self, step: int) -> None:
        """Open the next tab in that direction (1 or -1) that may hold jobs; if none does, the next one."""
        here = self.statuses.index(self.active)
        others = [self.statuses[(here + step * n) % len(self.statuses)] for n in range(1, len(self.statuses))]
        self.active = next((status for status in others if self._counts.get(status) != 0), others[0])

    def watch_active(self, status: Status) -> None:
        self.post_message(self.Changed(self, status))

    def on_click(self, event: events.Click) -> None:
        x = event.x - self.styles.padding.left
        for span, status in self._spans:
            if x in span:
                self.active = status

    def render(self) -> Content:
        labels = self._labels(self.size.width)
        first, last = self._visible(labels, self.size.width)
        before, after = ("‹ " if first else ""), (" ›" if last < len(labels) else "")
        place = len(before)
        parts: list[Content] = []
        self._spans = []
        for status, label in list(zip(self.statuses, labels, strict=True))[first:last]:
            self._spans.append((range(place, place + formatting.cells(label)), status))
            place += formatting.cells(label)
            parts.append(self._painted(status, label))
        return Content.assemble((before, "$text-muted"), *parts, (after, "$text-muted"))

    def _labels(self, width: int) -> list[str]:
        """The longest labels that fit into the width, or the shortest ones if none fit."""
        for brevity in range(3):
            labels = [self._label(status, brevity) for status in self.statuses]
            if sum(map(formatting.cells, labels)) <= width:
                break
        return labels

    def _label(self, status: Status, brevity: int) -> str:
        """Brevity 1 shortens empty tabs to the glyph, 2 also the others to glyph and count; never the active one."""
        fact, number = STATUSES[status], self._counts.get(status)
        if status is self.active or brevity == 0 or (brevity == 1 and number):
            return f" {fact.glyph} {fact.title} {formatting.count(number)} "
        return f" {fact.glyph} {formatting.count(number)} " if number else f" {fact.glyph} "

    def _visible(self, labels: Sequence[str], width: int) -> tuple[int, int]:
        """The range of the tabs that fit around the active one: first, and last + 1."""
        if sum(map(formatting.cells, labels)) <= width:
            return 0, len(labels)
        first = last = self.statuses.index(self.active)
        last += 1
        room = width - 4 - formatting.cells(labels[first])
        while True:
            if last < len(labels) and formatting.cells(labels[last]) <= room:
                room -= formatting.cells(labels[last])
                last += 1
            elif first and formatting.cells(labels[first - 1]) <= room:
                first -= 1
                room -= formatting.cells(labels[first])
            else:
                return first, last

    def _painted(self, status: Status, label: str) -> Content:
        if status is self.active:
            return Content.styled(label, f"bold underline {TONES[STATUSES[status].tone]} on $primary-muted")
        empty = not self._counts.get(status)
        return Content.styled(label, "$text-muted" if empty else TONES[STATUSES[status].tone])
