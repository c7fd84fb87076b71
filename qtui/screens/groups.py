"""What the screens share that show the jobs of a list in groups: the search, the line about it, and acting on whole groups."""

from __future__ import annotations

from typing import ClassVar

import redis
from textual.binding import Binding, BindingType

from qtui.broker.models import Overview
from qtui.broker.operations import OPERATIONS, Matching
from qtui.broker.search.expression import EVERYTHING, Expression, parse
from qtui.broker.search.groups import Group, Grouping, Heard
from qtui.broker.search.scan import Scope, SearchBounds
from qtui.broker.status import COUNTED, STATUSES, Status
from qtui.presentation import formatting, labels
from qtui.screens.holding import ask_to_hold
from qtui.screens.jobs import JobsScreen
from qtui.screens.parts.operation_keys import operation_bindings
from qtui.screens.parts.resource import ResourceScreen
from qtui.screens.parts.searching import Searching, SearchMoved
from qtui.shared.messages import Data, Request
from qtui.widgets.caption import Caption
from qtui.widgets.row_table import RowTable


class GroupsScreen(ResourceScreen[Request, Data]):
    """Groups of jobs, the largest first. Enter lists the jobs of a group; operations are about all of them.

    A subclass yields a `RowTable` of groups and a `Caption` named `looked`, and calls `show_groups`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *operation_bindings("groups"),
        Binding("H", "hold", "Hold", id="groups.hold", tooltip="No qtui-worker runs its function until it is released"),
    ]
    CHANGING: ClassVar[frozenset[str]] = frozenset({"act", "hold"})

    def __init__(self, queue: str | None, status: Status, expression: Expression = EVERYTHING) -> None:
        super().__init__()
        self.queue = queue
        """The queue whose jobs are grouped; None is all of them."""
        self.status = status
        self.expression = expression
        """Which of its jobs are grouped."""
        self.searching: Searching[Grouping] = Searching(self)
        self._total: int | None = None
        """How many jobs the list held when the last search began; None where it has to be searched again now."""

    def group(self, client: redis.Redis, scope: Scope, now: float, limits: SearchBounds, heard: Heard) -> Grouping:
        """Search and group. Runs in a thread, so it must not use widgets."""
        raise NotImplementedError

    def term(self, group: Group) -> str:
        """The term of an expression that only the jobs of the group fit."""
        raise NotImplementedError

    def show_groups(self, overview: Overview) -> bool:
        """Fill the table with what the search has found, and search again where that is due; whether there is any group."""
        total = self._count(overview)
        if self.loads_again:
            return self._fill(0)
        if self._total is None or (total != self._total and self.searching.is_due):
            self._search(overview.at, keep=self.searching.found is not None)
            self._total = total
        return self._fill(total - self._total)

    def _fill(self, change: int) -> bool:
        """Fill the table; `change`: how many jobs more there are than when the search began."""
        found = self.searching.found
        shown = found.groups if found else ()
        self.query_one(RowTable).show(list(shown), 0, len(shown))
        self.query_one("#looked", Caption).say(self.searching.line or self._summary(change))
        return bool(shown)

    def _count(self, overview: Overview) -> int:
        if self.status not in COUNTED:
            return 0
        return sum(row.count(self.status) for row in overview.queues if self.queue in (None, row.name))

    def _search(self, now: float, *, keep: bool) -> None:
        scope, client = Scope(self.queue, (self.status,), self.expression), self.session.client
        self.searching.start(lambda limits, heard: self.group(client, scope, now, limits, heard), keep=keep)

    def _summary(self, change: int) -> str:
        found = self.searching.found
        if found is None:
            return ""
        number, status = len(found.groups), STATUSES[self.status].title
        groups = f"{formatting.count(number)} {'group' if number == 1 else 'groups'}"
        text = f"{formatting.count(found.matched)} {status}, in {groups}{labels.unreadable(found.unreadable)}"
        if change:
            text += f"; {formatting.count(abs(change))} {'more' if change > 0 else 'fewer'} since (r)"
        return text

    def on_search_moved(self, message: SearchMoved) -> None:
        """The search has found more, or has ended."""
        message.stop()
        self.searching.say_error(self.session.name)
        self._fill(0)
        if self.request() != self.requested:  # another row is under the cursor now
            self.reload(fresh=False)

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        self.searching.stop()

    def action_reload(self) -> None:
        """Search again now."""
        self._total = None
        super().action_reload()

    @property
    def row(self) -> Group | None:
        """The group under the cursor."""
        row: Group | None = self.query_one(RowTable).cursor_row
        return row

    def _expression_of(self, group: Group) -> Expression:
        return parse(f"{self.expression.text} {self.term(group)}")

    def held(self, group: Group) -> str | None:
        """What `H` begins with: its most frequent function; None where that is not known."""
        return next(iter(group.functions), None)

    def action_hold(self) -> None:
        """Ask, then hold the function of the group under the cursor."""
        if row := self.row:
            ask_to_hold(self, self.held(row))

    def on_row_table_selected(self, message: RowTable.Selected[Group]) -> None:
        """List the jobs of a group."""
        self.app.push_screen(JobsScreen(self.queue, self.status, self._expression_of(message.row)))

    def action_act(self, name: str) -> None:
        """Ask, then do an operation on all jobs of the group under the cursor."""
        if row := self.row:
            self.start_operation(OPERATIONS[name], Matching(self.queue, self.status, self._expression_of(row)))

    def applies(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Only the operations that the status allows."""
        return action != "act" or OPERATIONS[str(parameters[0])].applies_to(self.status)
