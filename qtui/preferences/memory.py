"""What the dashboard remembers of a connection from one run to the next: the screen, the order of lists, and typed filters.

A small file in the folder for state, a few kB at most. Nothing of Redis is in it but what the operator has typed. A file that is
missing, broken or of another program is as an empty one, and one that cannot be written is left as it is: neither ever stops the
dashboard.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Final

from qtui.places import PLACES
from qtui_workers import records
from qtui_workers.errors import InvalidInput
from qtui_workers.records import Record, as_dict, replace
from qtui_workers.settings import path_of

FILTERS: Final = 50
"""So many filters are kept, the newest …"""
LONGEST: Final = 1_000
"""… and none that is longer than this."""
CONNECTIONS: Final = 50
"""So many connections are kept, those that were used last."""
LARGEST: Final = 1 << 22
"""Bytes; a larger file is not ours."""
SOON: Final = 1.0
"""Seconds after a change until it is written, with all that were made meanwhile."""


class ListOrder(Record):
    """The order of a list."""

    by: str
    """What it is sorted by."""
    reverse: bool = False
    """Whether it is shown from the other end than is usual for that."""


class Remembered(Record):
    """What is remembered of one connection."""

    place: str = PLACES[0].name
    """The top-level screen that was shown last."""
    orders: Mapping[str, ListOrder] = MappingProxyType({})
    """The orders that the operator has chosen, by the names of top-level screens."""
    shows_idle: bool = False
    """Whether each idle queue has a row on the screen of queues."""
    filters: tuple[str, ...] = ()
    """The filters that were typed, the newest last."""


class Memory:
    """What is remembered of one connection; a change of it is written a moment later."""

    def __init__(self, connection: str = "", *, kept: bool = False) -> None:
        """`connection`: its name. `kept`: read from the file and written into it; else nothing outlives the process."""
        self._connection, self._kept = connection, kept
        self.now = self._written = _read(_connections().get(connection)) if kept else Remembered()
        self._timer: threading.Timer | None = None
        self._writing = threading.Lock()

    def beside(self, connection: str) -> Memory:
        """That of another connection, kept as this one is."""
        return Memory(connection, kept=self._kept)

    def change(self, **changes: Any) -> None:
        """Remember other values of some fields."""
        self.now = replace(self.now, **changes)
        if self._kept and self._timer is None:
            self._timer = threading.Timer(SOON, self.write)
            self._timer.daemon = True
            self._timer.start()

    def order_of(self, place: str) -> ListOrder | None:
        """The order that was chosen on a top-level screen; None where it is the usual one."""
        return self.now.orders.get(place)

    def remember_order(self, place: str, by: str, *, reverse: bool) -> None:
        """Remember the order of a top-level screen."""
        self.change(orders={**self.now.orders, place: ListOrder(by, reverse)})

    def remember_filter(self, filter_: str) -> None:
        """Remember a filter as the newest one."""
        if len(filter_) <= LONGEST:
            others = (each for each in self.now.filters if each != filter_)
            self.change(filters=(*others, filter_)[-FILTERS:])

    def write(self) -> None:
        """Write what has changed since it was written last, if anything."""
        with self._writing:
            if self._timer:
                self._timer.cancel()
                self._timer = None
            if self._kept and self.now != self._written:
                self._written = self.now
                with suppress(OSError, InvalidInput):
                    _save(self._connection, self._written)


def _path() -> str:
    """The file. Raises InvalidInput where this user has no folder for state."""
    return path_of("XDG_STATE_HOME", None, "dashboard.json")


def _connections() -> dict[str, Any]:
    """All that is in the file, by the names of connections; nothing where that cannot be read."""
    try:
        descriptor = os.open(_path(), os.O_RDONLY | os.O_NONBLOCK)  # what is no file does not keep us waiting
        with os.fdopen(descriptor, "rb") as file:
            written = file.read(LARGEST)
        import json  # not needed where there is no file

        found = json.loads(written)["connections"]
    except (OSError, InvalidInput, ValueError, TypeError, KeyError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _read(given: Any) -> Remembered:
    """What is remembered; the usual where it cannot be understood."""
    try:
        found = records.read(Remembered, given or {}, unknown="ignored")
    except (InvalidInput, AttributeError, TypeError):
        return Remembered()
    known = found.place in {place.name for place in PLACES}
    filters = tuple(each for each in found.filters if each.isprintable() and len(each) <= LONGEST)
    return replace(found, place=found.place if known else Remembered().place, filters=filters[-FILTERS:])


def _save(connection: str, what: Remembered) -> None:
    """Replace the file in one step by one that knows this of the connection; only its owner can read it. Raises OSError."""
    import json  # here and below: not needed for the first frame
    import tempfile
    from pathlib import Path

    path, others = Path(_path()), _connections()
    others.pop(connection, None)
    newest = [*others.items()][-CONNECTIONS + 1 :]
    orders = {place: as_dict(turned) for place, turned in what.orders.items()}
    known = dict(newest) | {connection: as_dict(what) | {"orders": orders}}
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, written = tempfile.mkstemp(prefix=".dashboard-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            json.dump({"connections": known}, file, indent=1)
        os.replace(written, path)  # noqa: PTH105 - mkstemp gives a text
    except BaseException:
        os.unlink(written)  # noqa: PTH108
        raise
