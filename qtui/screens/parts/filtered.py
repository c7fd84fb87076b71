"""A list of jobs that fit an expression, or are in another order than Redis has them: the search, and what it has found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import redis
from textual.screen import Screen

from qtui.broker.models import Window
from qtui.broker.search import find
from qtui.broker.search.expression import EVERYTHING, Expression
from qtui.broker.search.find import Found
from qtui.broker.search.scan import Scope, SearchBounds
from qtui.broker.search.sorting import NEWEST, Sort
from qtui.broker.status import Status
from qtui.presentation import formatting
from qtui.screens.parts.searching import Searching

NONE_YET: Final = Found((), 0, 0, 0, 0, complete=False, hidden=None, queues=frozenset())
SORTED: Final = 20_000
"""At most this many jobs, the newest, are read only to be sorted."""


class Filtered:
    """The jobs of a screen that fit its expression, in its order; where Redis has them like this, nothing is searched."""

    def __init__(self, screen: Screen[None], status: Status, expression: Expression = EVERYTHING) -> None:
        self.first = self.expression = expression
        self.sort: Sort = NEWEST
        self.searching: Searching[Found] = Searching(screen)
        self.status = status
        """The status of the jobs in the list."""
        self._searched: tuple[object, ...] | None = None
        """What `searching` is about: the status, the expression and the order."""
        self._at = 0.0
        self._total = 0

    @property
    def has_filter(self) -> bool:
        """Whether there is an expression."""
        return bool(self.expression.terms)

    @property
    def is_on(self) -> bool:
        """Whether the list is what a search finds."""
        return self.has_filter or not self.sort.is_by_time or self.is_hidden

    @property
    def is_hidden(self) -> bool:
        """Whether no list names these jobs, so that they have to be searched for."""
        return self.status.place not in ("queue", "registry")

    @property
    def found(self) -> Found | None:
        """What was found so far; None where nothing is searched."""
        return ((self._is_searched and self.searching.found) or NONE_YET) if self.is_on else None

    @property
    def is_reading(self) -> bool:
        """Whether the search goes on, or is still to begin."""
        return self.is_on and (self.searching.running or not self._is_searched)

    @property
    def _wanted(self) -> tuple[object, ...]:
        return self.status, self.expression.text, self.sort

    @property
    def _is_searched(self) -> bool:
        """Whether the search is about this list, and not about the one that was shown before."""
        return self._searched == self._wanted

    def search(self, client: redis.Redis, queue: str | None, total: int, now: float, *, again: bool = False) -> None:
        """Search, unless this list was searched already and still has as many jobs, or the search before took long.

        `total`: how many jobs the list holds, always the same where no list does. `again`: search in any case.
        """
        if not self.is_on:
            self.searching.stop()
            self._searched = None
            return
        status = self.status
        same = self._is_searched
        if same and not again and (total == self._total or not self.searching.is_due):
            return
        self._searched, self._total, self._at = self._wanted, total, now
        scope, sort, most = Scope(queue, (status,), self.expression), self.sort, None if self.has_filter else SORTED

        def look(limits: SearchBounds, on_found: Callable[[Callable[[], Found]], object]) -> Found:
            bounded = SearchBounds(
                most, limits.stop, lambda matched, read, total: limits.on_progress(matched, read, min(total, most or total))
            )
            return find.find(client, scope, now, sort=sort, limits=bounded, on_found=on_found)

        self.searching.start(look, keep=same)

    def line(self) -> str:
        """The order and the expression, what they hide, and how far the search is; '' where nothing is searched.

        "1,204 hidden   filter: error:Timeout", "by took ↓ among the newest 20,000 of 702,311"
        """
        found, parts = self.found, []
        if self.sort != NEWEST:
            parts.append(self.sort.label_of(self.status) + ("" if self.searching.running or self.has_filter else _bound(found)))
        if self.has_filter and found and found is not NONE_YET:
            parts.append(
                "how many are hidden is not known" if found.hidden is None else f"{formatting.count(found.hidden)} hidden"
            )
        if self.is_hidden and not self.searching.running:
            parts.append(f"as of {formatting.clock(self._at)}, r looks again")
        filtered = f"filter: {self.expression.text}" if self.has_filter else ""
        return "   ".join(filter(None, (*parts, self.searching.line, filtered)))  # what is long is last, where it may be cut


def _bound(found: Found | None) -> str:
    if found is None or found.complete or not found.scanned:
        return ""
    return f" among the newest {formatting.count(found.scanned)} of {formatting.count(found.total)}"


def window_of(client: redis.Redis, found: Found, queue: str | None, status: Status, offset: int, limit: int) -> Window:
    """A window of what a search has found; one round trip."""
    rows = find.page(client, found, offset, limit)
    return Window(queue, status, len(found.jobs), offset, rows, scanned=found.scanned, complete=found.complete)
