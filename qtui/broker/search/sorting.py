"""The orders of lists of jobs, one row each: the dashboard, `qtui jobs --sort` and the help derive from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from qtui.broker.models import JobRow
from qtui.broker.search.candidate import FUNCTION, MOMENT, NOTHING, Candidate, Need
from qtui.broker.status import Status
from qtui_workers.errors import InvalidInput
from qtui_workers.server import keys
from qtui_workers.text import printable

Each = TypeVar("Each")


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of jobs; those that do not have the value come last."""

    name: str
    attribute: str
    """What is compared: an attribute of `JobRow` and of `Candidate`."""
    need: Need = NOTHING
    descending: bool = True
    only_ended: bool = False
    """Whether jobs have the value only when they have ended."""

    @property
    def reversed(self) -> Sort:
        """The same the other way round."""
        return replace(self, descending=not self.descending)

    @property
    def is_by_time(self) -> bool:
        """Whether it is an order in which Redis has the jobs already, so that nothing has to be read for it."""
        return self.attribute == "moment"

    @property
    def label(self) -> str:
        """What a person sees: "by took ↓"; of the order by time which end comes first."""
        if self.is_by_time:
            return "newest first" if self.descending else "oldest first"
        return f"by {self.name} {'↓' if self.descending else '↑'}"

    def label_of(self, status: Status) -> str:
        """The same of jobs of a status: those that are scheduled are in the order in which they are due."""
        if self.is_by_time and status is Status.SCHEDULED:
            return "last due first" if self.descending else "next due first"
        return self.label

    def key(self, job: Candidate | JobRow) -> Any:
        """What is compared; None is "not known"."""
        if self.is_by_time and isinstance(job, Candidate) and job.listed_at is not None:
            return job.listed_at
        return getattr(job, self.attribute)

    def applies_to(self, status: Status) -> bool:
        """Whether jobs of a status can differ in it."""
        return status.ended or not self.only_ended

    def arrange(self, each: Iterable[Each], key: Callable[[Each], Any]) -> list[Each]:
        """In this order; `key` gives what is compared. Those that are alike stay as they were."""
        keyed = [(key(one), one) for one in each]
        known = sorted((pair for pair in keyed if pair[0] is not None), key=lambda pair: pair[0], reverse=self.descending)
        return [one for _, one in known] + [one for value, one in keyed if value is None]


SORTS: Final = {
    sort.name: sort
    for sort in (
        Sort("newest", "moment", MOMENT),
        Sort("oldest", "moment", MOMENT, descending=False),
        Sort("took", "took", MOMENT, only_ended=True),
        Sort("attempts", "attempts", Need(frozenset({keys.FIELD_ATTEMPT}))),
        Sort("function", "function", FUNCTION, descending=False),
        Sort("queue", "queue", descending=False),
        Sort("worker", "worker", Need(frozenset({"worker_name"})), descending=False),
        Sort("id", "id", descending=False),
        Sort("ended", "ended_at", MOMENT, only_ended=True),
    )
}
"""Every order, by name; the first is the usual one."""

NEWEST: Final = SORTS["newest"]
FIELDS: Final = tuple(sort for sort in SORTS.values() if sort is not SORTS["oldest"])
"""One order for each value that is compared."""


def sort_named(name: str) -> Sort:
    """The order with that name; raises InvalidInput, which lists all, if there is none."""
    if name not in SORTS:
        raise InvalidInput(f"jobs cannot be sorted by '{printable(name, 40)}': use one of {', '.join(SORTS)}")
    return SORTS[name]


def following(sort: Sort, status: Status) -> Sort:
    """The order by the next value in which jobs of a status can differ."""
    names = [each.attribute for each in FIELDS]
    place = names.index(sort.attribute)
    return next(each for each in (*FIELDS[place + 1 :], *FIELDS) if each.applies_to(status))
