"""What runs right now: every started job with its progress, how jobs just ended, and all that happens in one stream."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import ClassVar

import redis
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.widget import Widget

from qtui.broker.lists import running
from qtui.broker.lists.running import EVERYTHING, Run, Running, Subject
from qtui.broker.models import JobRow, Overview
from qtui.broker.operations import OPERATIONS, Chosen
from qtui.broker.operations.fail import FAIL
from qtui.broker.operations.requeue import REQUEUE
from qtui.broker.operations.stop import STOP
from qtui.broker.search.sorting import SORTS, Sort, following
from qtui.broker.status import Status
from qtui.presentation import formatting, labels
from qtui.presentation.colours import TONES
from qtui.screens.holding import ask_to_hold
from qtui.screens.job import JobScreen
from qtui.screens.live_stream import LiveStream
from qtui.screens.parts.columns import run_columns, sorted_by
from qtui.screens.parts.operation_keys import operation_bindings
from qtui.screens.parts.remembered_sort import remember_sort, sort_of
from qtui.screens.parts.resource import ResourceScreen
from qtui.shared.messages import TailRequested
from qtui.widgets.caption import Caption
from qtui.widgets.row_table import Column, RowTable
from qtui.widgets.stream_view import StreamView
from qtui_workers.text import printable

EMPTY = "Nothing runs right now.\nPress 8 to enqueue a report: it takes its time and tells how far it is."
NONE_NAMED = "None of these jobs is left."


class LiveScreen(ResourceScreen[Running, Running]):
    """The running jobs, the longest first, and what happens to them and to all others."""

    CSS_PATH = "live.tcss"
    HOME = "#running"
    HELP = (
        "Every job that runs now, with its progress, and for half a minute how it ended. Beside or below: log lines and events "
        "as they are written; t shows only the marked jobs, or the one under the cursor. f freezes, [ and ] page back and forth, "
        "n and N go to failures, or to what ctrl+f looks for; / hides lines that do not fit, also by the payload and age of "
        "their jobs. tab moves the keys there and back."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "tail", "Tail", id="live.tail", tooltip="Only the marked jobs, or the one under the cursor"),
        Binding("slash", "filter", "Filter", key_display="/", id="live.filter", tooltip="Only lines that fit an expression"),
        Binding("ctrl+f", "find", "Find", show=False, id="live.find", tooltip="What n and N go to, instead of failures"),
        Binding(
            "n", "go(1)", "Next failure", show=False, id="live.next", tooltip="The next failure, or line that was looked for"
        ),
        Binding("N", "go(-1)", "Failures", id="live.previous", tooltip="The previous one"),
        Binding("w", "wrap", "Wrap", show=False, id="live.wrap", tooltip="Wrap long lines, or cut them"),
        Binding("left_square_bracket", "page(-1)", "Back", show=False, key_display="[", id="live.page_back"),
        Binding("right_square_bracket", "page(1)", "Forward", show=False, key_display="]", id="live.page_forward"),
        Binding("ctrl+s", "save", "Save", show=False, id="live.save", tooltip="Write the lines into a file"),
        Binding("s", "sort", "Sort", show=False, id="live.sort", tooltip="In the next order: attempts, function, queue …"),
        Binding("o", "reverse", "Reverse", show=False, id="live.reverse", tooltip="The other way round: the newest first"),
        Binding("H", "hold", "Hold", show=False, id="live.hold", tooltip="No qtui-worker runs its function"),
        *operation_bindings("live", [STOP, REQUEUE, FAIL]),
    ]
    CHANGING = frozenset({"act", "hold"})

    def __init__(self, about: Subject = EVERYTHING) -> None:
        super().__init__()
        self.about = about
        """The jobs that are shown."""
        self.sort: Sort = SORTS["oldest"]
        """What began first runs longest; and what begins comes at the end, where it moves no other row. In this order those come
        first that take far longer than usual: a row moves once at most, not with every second."""
        self._below: frozenset[str] = frozenset()
        """Jobs that have ended and stand below those that run, as there was no room for all."""
        self.stream = LiveStream(about, lambda: self.session)

    def compose_body(self) -> Iterable[Widget]:
        """How many run, the table, and the stream."""
        if self.about == EVERYTHING:
            self.sort = sort_of(self.session.memory, "live", self.sort)
        yield Caption(id="crumb")
        with Container(id="halves"):
            empty = NONE_NAMED if self.about.ids else EMPTY
            yield RowTable(self._columns(), key=lambda run: run.id, empty=empty, id="running")
            yield self.stream

    def _columns(self) -> list[Column[Run]]:
        return sorted_by(self.sort, run_columns(lambda: self.session.server_now, self.session.usuals.of))

    @property
    def table(self) -> RowTable[Run]:
        """The running jobs."""
        return self.query_one(RowTable)

    @property
    def job(self) -> JobRow | None:
        """The one under the cursor."""
        run = self.table.cursor_row
        return run.now if run else None

    @property
    def acts_on(self) -> Status | None:
        """That of the one under the cursor."""
        run = self.row_under_cursor
        return run.now.status if run else None

    def on_screen_resume(self) -> None:
        """Visible again: read on."""
        self.stream.start()

    def on_screen_suspend(self) -> None:
        """Hidden: read no more."""
        self.stream.stop()

    def on_unmount(self) -> None:
        """Closed."""
        self.stream.stop()

    def request(self) -> Running:
        """What was seen before."""
        return self.data or running.NOBODY

    def load(self, client: redis.Redis, request: Running) -> Running:
        """The running jobs."""
        turn = self.stream.turn
        seen = running.look(client, request, time.monotonic(), self.about, at=self.session.server_clock)
        self.session.usuals.look(client, (run.row.queue for run in seen.runs))
        self.stream.look(seen, self.session.server_now, turn)
        return seen

    def is_wanted(self, requested: Running, current: Running) -> bool:
        """Always, because every load holds the running jobs."""
        return True

    def show(self, data: Running, overview: Overview) -> None:
        """Fill the table, and the stream where it does not fill by itself."""
        runs = self._arranged(data, overview.at)
        self.query_one("#crumb", Caption).say(self._title(data, overview.at))
        self.table.show(runs, 0, len(runs))
        self.stream.fetch(at_once=True)

    def _arranged(self, seen: Running, now: float) -> list[Run]:
        """In the order of the screen; a job keeps its place when it ends, unless jobs that run would be out of sight for it."""
        runs = self.sort.arrange(seen.runs, lambda run: self.sort.key(run.row))
        if self.sort == SORTS["oldest"]:
            usual = self.session.usuals.of
            runs.sort(key=lambda run: not labels.is_far_over(run, usual(run.row), now))
        ended = {run.id for run in runs if run.after is not None}
        kept = self._below | ended if 0 < self.table.page < len(runs) else self._below
        if cursor := self.table.cursor_row:
            kept -= {cursor.id} - self._below
        self._below = kept & ended
        runs.sort(key=lambda run: run.id in self._below)
        return runs

    def _title(self, seen: Running, now: float) -> Content:
        """How many run, how many have ended or are lost, and the order: "3 running, 1 without a sign of life · 2 just ended"."""
        ended = sum(run.after is not None for run in seen.runs)
        lost = sum(run.row.silence(now) is not None for run in seen.runs if run.after is None)
        listed = len(seen.runs) - ended
        parts = [Content.styled(f"{self._about()}{formatting.count(seen.total)} running", "bold $accent")]
        if listed < seen.total:
            parts.append(Content.styled(f", of which {formatting.count(listed)} are listed", TONES["warn"]))
        if lost:
            parts.append(Content.styled(f", {formatting.count(lost)} without a sign of life", TONES["bad"]))
        if self.about.ids:
            parts.append(Content(f" · {formatting.count(ended)} of {formatting.count(len(seen.runs))} ended"))
        elif ended:
            parts.append(Content(f" · {formatting.count(ended)} just ended"))
        order = "longest against their usual first" if self.sort == SORTS["oldest"] else self.sort.label
        return Content("").join([*parts, Content.styled(f" · {order}", TONES["muted"])])

    def _about(self) -> str:
        if self.about.queue is not None:
            return f"{printable(self.about.queue, 60)} › "
        if len(self.about.ids) == 1:
            return f"{formatting.short_id(printable(self.about.ids[0], 60))} › "
        return f"{formatting.count(len(self.about.ids))} jobs › " if self.about.ids else ""

    def on_row_table_selected(self, message: RowTable.Selected[Run]) -> None:
        """Open a job."""
        self.app.push_screen(JobScreen(message.row.id))

    def on_stream_view_selected(self, message: StreamView.Selected) -> None:
        """Open the job of a line."""
        if message.line.job:
            self.app.push_screen(JobScreen(message.line.job))

    def _chosen(self) -> tuple[str, ...]:
        """The marked jobs, else the one under the cursor."""
        row = self.table.cursor_row
        return tuple(sorted(self.table.marked)) or ((row.id,) if row else ())

    def action_tail(self) -> None:
        """Show only what happens to some of the jobs."""
        if ids := self._chosen():
            self.app.post_message(TailRequested(ids))

    def action_filter(self) -> None:
        """Ask which lines to show."""
        self.stream.ask_filter(self._queues())

    def action_find(self) -> None:
        """Ask for the lines to go to."""
        self.stream.ask_find(self._queues())

    def _queues(self) -> list[str]:
        return [row.name for row in self.session.overview.queues] if self.session.overview else []

    def end_search(self) -> bool:
        """`n` goes to failures again."""
        return self.stream.end_find()

    def end_filter(self) -> bool:
        """Show all lines."""
        return self.stream.end_filter()

    def action_go(self, step: int) -> None:
        """Go to the next or previous failure, or line that was looked for."""
        self.stream.go(step)

    def action_wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self.stream.view.wrap(not self.stream.view.wraps)

    def action_page(self, step: int) -> None:
        """Scroll the stream by a page."""
        self.stream.view.action_page(step)

    def action_save(self) -> None:
        """Write the lines into a file."""
        self.stream.save()

    def action_freeze(self) -> None:
        """Nothing moves any more; or go on."""
        super().action_freeze()
        self.stream.view.freeze(not self.stream.view.frozen)

    def action_sort(self) -> None:
        """Sort by the next value in which running jobs can differ."""
        self._sort_by(following(self.sort, Status.STARTED))

    def action_reverse(self) -> None:
        """Sort the other way round."""
        self._sort_by(self.sort.reversed)

    def _sort_by(self, sort: Sort) -> None:
        self.sort = sort
        if self.about == EVERYTHING:
            remember_sort(self.session.memory, "live", sort)
        self.table.columns = self._columns()
        if self.data and self.session.overview:
            self.show(self.data, self.session.overview)

    def action_act(self, name: str) -> None:
        """Ask, then do an operation on the marked jobs, else on the one under the cursor."""
        if ids := self._chosen():
            self.start_operation(OPERATIONS[name], Chosen(ids), lambda: self.table.unmark(self.table.marked))
        elif not self.table.total:
            why = "nothing runs" if self.data else "what runs is not read yet"
            self.notify(f"{OPERATIONS[name].title}: {why}.", severity="warning")

    def applies(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Only the operations that the job under the cursor allows; where some are marked, or none is there, all."""
        status = None if any(table.marked for table in self.query(RowTable)) else self.acts_on
        return action != "act" or status is None or OPERATIONS[str(parameters[0])].applies_to(status)

    def on_row_table_highlighted(self) -> None:
        """Another job is under the cursor, or it has ended."""
        self.refresh_bindings()

    def action_hold(self) -> None:
        """Ask, then hold the function of the job under the cursor."""
        if run := self.table.cursor_row:
            ask_to_hold(self, run.row.function, run.now.held)
