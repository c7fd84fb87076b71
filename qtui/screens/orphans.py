"""Jobs that wait and that no list holds: searched on request, put back on request."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

import redis
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from qtui.broker import orphans
from qtui.broker.models import JobRow, Overview
from qtui.broker.operations import Chosen, Selection
from qtui.broker.orphans import PUT_BACK, Orphans
from qtui.broker.search.scan import SearchBounds
from qtui.presentation import formatting
from qtui.screens.job_list import HOLD, JobListScreen
from qtui.screens.parts.columns import watched_columns
from qtui.screens.parts.searching import Searching, SearchMoved
from qtui.widgets.caption import Caption
from qtui.widgets.row_table import RowTable


class OrphansScreen(JobListScreen[None, None]):
    """The jobs that nobody will ever run, the oldest first."""

    CSS_PATH = "orphans.tcss"
    HELP = (
        "Jobs that wait by what they say, but that no queue and no schedule holds: a worker died when it had just taken them. "
        "Every job is read once; r reads them again. B puts the marked ones, else the one under the cursor, at the head of their "
        "queue."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(PUT_BACK.key, "put_back", PUT_BACK.title, id="orphans.put_back", tooltip=PUT_BACK.hint),
        Binding("a", "all", "All", id="orphans.all", tooltip="Mark all of them, or none"),
        HOLD,
    ]
    CHANGING: ClassVar[frozenset[str]] = frozenset({"put_back"})

    def __init__(self) -> None:
        super().__init__()
        self.searching: Searching[Orphans] = Searching(self)
        self._is_due = True

    def compose_body(self) -> Iterable[Widget]:
        """What was read, the table, the lines about the job under the cursor."""
        yield Caption("Orphans", id="crumb")
        yield RowTable(watched_columns(lambda: self.session.server_now), key=lambda row: row.id, empty="", id="orphans")
        yield Caption(id="about")

    def load(self, client: redis.Redis, request: None) -> None:
        """Nothing but the overview: the jobs are found by the search."""

    def show(self, data: None, overview: Overview) -> None:
        """Search, the first time and on request; show what was found."""
        if self._is_due:
            self._is_due = False
            client = self.session.client

            def look(limits: SearchBounds, _heard: Callable[[Callable[[], Orphans]], object]) -> Orphans:
                return orphans.find(client, stop=limits.stop, on_progress=lambda read: limits.on_progress(0, read, 0))

            self.searching.start(look, keep=True)
        self._fill()

    def on_search_moved(self, message: SearchMoved) -> None:
        """The search has read more, or has ended."""
        message.stop()
        self.searching.say_error(self.session.name)
        self._fill()

    def _fill(self) -> None:
        found = self.searching.found
        rows = found.jobs if found else ()
        self.table.empty = "Reading …" if self.searching.running else "Every job that waits is in its queue or its schedule."
        self.table.show(rows, 0, len(rows))
        self.query_one("#crumb", Caption).say(Content.assemble(("Orphans", "bold $accent"), f"   {self._said()}"))
        self.say()

    def _said(self) -> str:
        found = self.searching.found
        if self.searching.running:
            return f"{formatting.count(self.searching.scanned)} jobs read …"
        if found is None:
            return ""
        more = "" if found.complete else ", and there may be more"
        read = f"of {formatting.count(found.scanned)} jobs read"
        return f"{formatting.count(len(found.jobs))} in no list, {read}{more}   r reads them again"

    def left(self, row: JobRow) -> str:
        """That a job is no orphan any more."""
        return f"{super().left(row)}: it is in its queue, or gone"

    def action_reload(self) -> None:
        """Search again now."""
        self._is_due = True
        super().action_reload()

    def action_all(self) -> None:
        """Mark all jobs, or none of them."""
        every = {row.id for row in self.searching.found.jobs} if self.searching.found else set()
        if every <= set(self.table.marked):
            self.table.unmark(every)
        else:
            self.table.mark(every)

    def action_put_back(self) -> None:
        """Ask, then put the jobs back."""
        selection: Selection | None = self.selection()
        if isinstance(selection, Chosen):
            self.start_operation(PUT_BACK, selection, self.forget_selection)

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        self.searching.stop()
