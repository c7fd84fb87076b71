"""What is in a list: how many jobs of each function, queue, worker or value of the payload."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

import redis
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from qtui.broker.models import Overview
from qtui.broker.search.expression import EVERYTHING, Expression
from qtui.broker.search.groups import Group, Grouping, Heard, by, count, payload_fields
from qtui.broker.search.scan import Scope, SearchBounds
from qtui.broker.status import STATUSES, Status
from qtui.presentation import formatting
from qtui.presentation.colours import TONES
from qtui.screens.groups import GroupsScreen
from qtui.widgets.caption import Caption
from qtui.widgets.row_table import Column, RowTable
from qtui_workers.text import printable

FIXED: Final = ("function", "queue", "worker")
"""What any list can be counted by; the fields of its payloads follow."""
QUALIFIERS: Final = {"function": "func"}
"""The names of these values in an expression, where they are others."""
BAR: Final = 20


class ContentsScreen(GroupsScreen[tuple[str, ...] | None, tuple[str, ...]]):
    """The groups of a list of jobs, by one value after the other."""

    CSS_PATH = "contents.tcss"
    HELP = (
        "What is in this list: tab counts by the next value. Enter lists the jobs of a row, and an uppercase key is about all of "
        "them. The fields of the payload are those of the newest jobs."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,right_square_bracket", "by(1)", "Next value", key_display="tab", id="contents.next"),
        Binding("shift+tab,left_square_bracket", "by(-1)", "Previous value", show=False, id="contents.previous"),
    ]

    def __init__(self, queue: str | None, status: Status, expression: Expression = EVERYTHING) -> None:
        super().__init__(queue, status, expression)
        self.what: str = FIXED[0]
        """What the jobs are counted by."""
        self._names: Sequence[str] = FIXED
        self._shares: dict[str, str] = {}
        """The share of each group that is shown, by the key of its row."""

    def compose_body(self) -> Iterable[Widget]:
        """Where one is, what can be counted by, the table, and the line about the search."""
        where = f"{self.queue or 'all queues'} › {STATUSES[self.status].title}"
        yield Caption(printable("   ".join(filter(None, (where, self.expression.text)))), id="crumb")
        yield Caption(id="by")
        yield RowTable(self._columns(), key=_key, empty="No jobs here.", markable=False, copies=_value, id="contents")
        yield Caption(id="looked")

    def _columns(self) -> list[Column[Group]]:
        def share(group: Group) -> float:
            found = self.searching.found
            return group.count / found.matched if found and found.matched else 0.0

        def percent(group: Group) -> str:
            return self._shares.get(_key(group), formatting.UNKNOWN)

        def ago(at: float | None) -> str:
            return formatting.ago(at, self.session.server_now)

        return [
            Column(self.what.upper(), _value, minimum=20),
            Column("COUNT", lambda group: formatting.count(group.count), width=9, align="right"),
            Column("SHARE", percent, width=6, align="right"),
            Column("", lambda group: formatting.bar(share(group), BAR), width=BAR, tone="busy", priority=2),
            Column("NEWEST", lambda group: ago(group.newest), width=9, align="right"),
            Column("OLDEST", lambda group: ago(group.oldest), width=9, align="right", priority=1),
        ]

    def request(self) -> tuple[str, ...] | None:
        """The fields of the payload, where they are known already."""
        return self.data

    def is_wanted(self, requested: tuple[str, ...] | None, current: tuple[str, ...] | None) -> bool:
        """They are loaded once."""
        return True

    def load(self, client: redis.Redis, request: tuple[str, ...] | None) -> tuple[str, ...]:
        """The fields of the payload that the newest jobs have; the jobs themselves are counted by the search."""
        return payload_fields(client, self.queue, self.status) if request is None else request

    def show(self, data: tuple[str, ...], overview: Overview) -> None:
        """Fill the table and the line of what can be counted by."""
        self._names = (*FIXED, *(f"payload.{name}" for name in data))
        chosen = f"bold {TONES['busy']}"
        pieces = [Content.styled(printable(name, 40), chosen if name == self.what else "") for name in self._names]
        self.query_one("#by", Caption).say(Content("by  ").append(Content("   ").join(pieces)))
        self.show_groups(overview)

    def _fill(self, change: int) -> bool:
        found = self.searching.found
        groups = found.groups if found else ()
        texts = formatting.shares([group.count for group in groups], found.matched) if found else ()
        self._shares = dict(zip(map(_key, groups), texts, strict=True))
        return super()._fill(change)

    def group(self, client: redis.Redis, scope: Scope, now: float, limits: SearchBounds, heard: Heard) -> Grouping:
        """By the chosen value."""
        return count(client, scope, by(self.what), now, limits=limits, on_groups=heard)

    def term(self, group: Group) -> str:
        """The value in quotes; where it is not known, that there is none."""
        name = QUALIFIERS.get(self.what, self.what)
        if group.value is None:
            return f"-{name}:*"
        value = group.value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{name}:"{value}"'

    def held(self, group: Group) -> str | None:
        """The function; where values of the payload are counted, only with that value."""
        function, field = super().held(group), self.what.removeprefix("payload.")
        if function is None or field == self.what or group.value is None:
            return function
        return f"{function} {field}={group.value}"

    def action_by(self, step: int) -> None:
        """Count by the next or previous value."""
        place = self._names.index(self.what) if self.what in self._names else 0
        self.what = self._names[(place + step) % len(self._names)]
        self.searching.stop()
        self.searching.found = None
        self.query_one(RowTable).reset(self._columns())
        self.action_reload()


def _key(group: Group) -> str:
    return "" if group.value is None else f"={group.value}"


def _value(group: Group) -> str:
    return formatting.UNKNOWN if group.value is None else group.value
