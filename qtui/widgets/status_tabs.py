"""A row of tabs, one for each status that has jobs, with how many; those of the other statuses on demand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from qtui.broker.status import STATUSES, Status
from qtui.presentation import formatting
from qtui.presentation.colours import TONES


class StatusTabs(Widget):
    """Glyph, word and count of each status; if there is too little space, some but the active one are shortened.

    A tab that was shown stays, also when its last job has left, and a new one comes at the end: no tab moves while a person
    goes for it. The screen has the keys, and calls `move`.
    """

    DEFAULT_CSS = "StatusTabs { height: 1; padding: 0 1; }"

    active: reactive[Status] = reactive(Status.QUEUED, init=False)
    """The status whose tab is open."""
    all_shown: reactive[bool] = reactive(False)
    """Whether the statuses without jobs have tabs too."""

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
        self._shown = [self.active]
        """The statuses that have, or had, jobs, or whose tab was opened."""
        self._spans: list[tuple[range, Status | None]] = []
        """The cells of each tab; None: of the word that shows all."""

    def show(self, counts: Mapping[Status, int]) -> None:
        """Show how many jobs are in each status; the count of a missing status is not known."""
        if counts != self._counts:
            known = self._shown if self._counts else []
            wanted = [status for status in self.statuses if counts.get(status) or status is self.active]
            self._shown = [*known, *(status for status in wanted if status not in known)]
            self._counts = dict(counts)
            self.refresh()

    @property
    def tabs(self) -> list[Status]:
        """The statuses that have a tab now, in their order."""
        return list(self.statuses) if self.all_shown else self._shown

    def move(self, step: int) -> None:
        """Open the next tab in that direction (1 or -1); after the last one comes the first."""
        tabs = self.tabs
        self.active = tabs[(tabs.index(self.active) + step) % len(tabs)]

    def way_to(self, statuses: Collection[Status]) -> tuple[Status, int] | None:
        """The nearest other tab of one of the statuses, and the steps there, negative to the left; None if there is none."""
        tabs = self.tabs
        here, half = tabs.index(self.active), len(tabs) // 2
        steps = [(step + half) % len(tabs) - half for step in (place - here for place in range(len(tabs)))]
        ways = [(status, step) for status, step in zip(tabs, steps, strict=True) if step and status in statuses]
        return min(ways, key=lambda way: abs(way[1]), default=None)

    def watch_active(self, status: Status) -> None:
        if status not in self._shown:
            self._shown.append(status)
        self.post_message(self.Changed(self, status))

    def on_click(self, event: events.Click) -> None:
        x = event.x - self.styles.padding.left
        for span, status in self._spans:
            if x in span and status is None:
                self.all_shown = not self.all_shown
            elif x in span and status is not None:
                self.active = status

    def render(self) -> Content:
        tabs = self.tabs
        rest, labels = self._fitting(tabs)
        width = self.size.width - formatting.cells(rest)
        first, last = self._visible(tabs.index(self.active), labels, width)
        before, after = ("‹ " if first else ""), (" ›" if last < len(labels) else "")
        place = len(before)
        parts: list[Content] = []
        self._spans = []
        for status, label in list(zip(tabs, labels, strict=True))[first:last]:
            self._spans.append((range(place, place + formatting.cells(label)), status))
            place += formatting.cells(label)
            parts.append(self._painted(status, label))
        place += formatting.cells(after)
        self._spans.append((range(place, place + formatting.cells(rest)), None))
        return Content.assemble((before, "$text-muted"), *parts, (after + rest, "$text-muted"))

    def _fitting(self, tabs: Sequence[Status]) -> tuple[str, list[str]]:
        """The words for the statuses without a tab, and the labels: the longest that fit, or the shortest if none fit.

        What is left of the line tells the words of as many as possible: of failed jobs first, then in the order of the tabs.
        """
        hidden = len(self.statuses) - len(tabs)
        for brevity in range(4):
            rest = f" … {hidden} others (i) " if hidden and not brevity else " … (i) " if hidden else ""
            labels = [self._label(status, max(0, brevity - 1)) for status in tabs]
            if sum(map(formatting.cells, [*labels, rest])) <= self.size.width:
                break
        room = self.size.width - sum(map(formatting.cells, [*labels, rest]))
        for place in sorted(range(len(tabs)), key=lambda place: tabs[place] is not Status.FAILED):
            longer = self._label(tabs[place], 1)
            if 0 < (more := formatting.cells(longer) - formatting.cells(labels[place])) <= room:
                labels[place] = longer
                room -= more
        return rest, labels

    def _label(self, status: Status, brevity: int) -> str:
        """Brevity 1 shortens empty tabs to the glyph, 2 also the others to glyph and count; never the active one."""
        fact, number = STATUSES[status], self._counts.get(status)
        if status is self.active or brevity == 0 or (brevity == 1 and number):
            return f" {fact.glyph} {fact.title} {formatting.count(number)} "
        return f" {fact.glyph} {formatting.count(number)} " if number else f" {fact.glyph} "

    def _visible(self, active: int, labels: Sequence[str], width: int) -> tuple[int, int]:
        """The range of the tabs that fit around the active one: first, and last + 1."""
        if sum(map(formatting.cells, labels)) <= width:
            return 0, len(labels)
        first, last = active, active + 1
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
