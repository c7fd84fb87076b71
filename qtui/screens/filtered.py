"""A list of jobs that fit an expression: the search for them, and a window of what it has found."""

from __future__ import annotations

from collections.abc import Callable

import redis
from textual.screen import Screen

from qtui import formatting
from qtui.broker.models import Window
from qtui.broker.search import find
from qtui.broker.search.expression import EVERYTHING, Expression
from qtui.broker.search.find import Found
from qtui.broker.search.scan import Limits, Scope
from qtui.broker.status import Status
from qtui.screens.searching import Searching

NONE_YET = Found((), 0, 0, 0, 0, complete=False)


class Filtered:
    """The jobs of a screen that fit its expression; without an expression nothing is searched."""

    def __init__(self, screen: Screen[None], expression: Expression = EVERYTHING) -> None:
        self.expression = expression
        self.searching: Searching[Found] = Searching(screen)
        self._searched: tuple[str | None, Status, str] | None = None
        self._total = 0

    @property
    def is_on(self) -> bool:
        """Whether there is an expression."""
        return bool(self.expression.terms)

    @property
    def found(self) -> Found | None:
        """What was found so far; None without an expression."""
        return (self.searching.found or NONE_YET) if self.is_on else None

    def search(
        self, client: redis.Redis, queue: str | None, status: Status, total: int, now: float, *, again: bool = False
    ) -> None:
        """Search, unless this list was searched already and still has as many jobs, or the search before was dear.

        `total`: how many jobs the list holds. `again`: search in any case.
        """
        if not self.is_on:
            self.searching.stop()
            self._searched = None
            return
        wanted = (queue, status, self.expression.text)
        same = wanted == self._searched
        if same and not again and (total == self._total or not self.searching.is_due):
            return
        self._searched, self._total = wanted, total
        scope = Scope(queue, (status,), self.expression)

        def look(limits: Limits, on_found: Callable[[Callable[[], Found]], object]) -> Found:
            return find.find(client, scope, now, limits=limits, on_found=on_found)

        self.searching.start(look, keep=same)

    def line(self) -> str:
        """The expression, what it hides, and how far the search is: "filter: error:Timeout   1,204 hidden"; '' without one."""
        if not self.is_on:
            return ""
        found = self.found
        hidden = f"   {formatting.count(found.hidden)} hidden" if found and found.scanned else ""
        return f"filter: {self.expression.text}{hidden}   {self.searching.line}".rstrip()


def window_of(client: redis.Redis, found: Found, queue: str | None, status: Status, offset: int, limit: int) -> Window:
    """A window of what a search has found; one round trip."""
    rows = find.page(client, found, offset, limit)
    return Window(queue, status, len(found.jobs), offset, rows, scanned=found.scanned, complete=found.complete)
