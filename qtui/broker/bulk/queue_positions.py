"""Places in queues: many jobs that were put back at the head are brought to where they stood, while workers take from there.

To put one job into the middle of a list the server goes through all before it. Here the list is gone through once, from its head
on: a job that has to go further changes places with an entry that stands behind it, some hundred of them in one script. Each
script leaves every entry in the list, so that nothing is lost or doubled however it ends. Jobs without a place stand together.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import redis
from redis.exceptions import NoScriptError

from qtui.broker.lists import ids
from qtui.broker.status import Status
from qtui_workers.server.scripts import Script

TIGHT: Final = 0.002
"""Seconds of server time that one script is meant to take."""
LARGEST: Final = 2_000
"""Maximum number of entries that one script reads, or gives other places."""
ATTEMPTS: Final = 10
"""How often the list is gone through where others change its middle meanwhile."""

UNPLACED: Final = "put back, but not in its place yet: the same undo again goes on"
OVERTAKEN: Final = "put back, and brought to its place by another undo that has begun since"

_ARRANGE: Final = Script.load("arrange", "qtui.broker")
_NOWHERE: Final = b""


class Places:
    """Where jobs of one queue are to stand: each before or behind another entry, in the order in which they are put there."""

    def __init__(self) -> None:
        self.ids: set[bytes] = set()
        self._run: list[bytes] = []
        self._before: defaultdict[bytes, list[list[bytes]]] = defaultdict(list)
        """Jobs by the entry before which they stand. Those of a run stand each before the one that was noted before it."""
        self._behind: defaultdict[bytes, list[list[bytes]]] = defaultdict(list)

    def note(self, job_id: bytes, side: bytes, other: bytes) -> None:
        """`side`: "before" or "behind" the other; "next": before the one that was noted before; "" at the head."""
        if job_id in self.ids:
            return
        self.ids.add(job_id)
        if self._run and (side == b"next" or (side == b"before" and other == self._run[-1])):
            self._run.append(job_id)
            return
        self._run = [job_id]
        (self._behind if side == b"behind" else self._before)[other if side else _NOWHERE].append(self._run)

    @property
    def others(self) -> set[bytes]:
        """The entries by which the places are known, other than the jobs themselves."""
        return (self._before.keys() | self._behind.keys()) - self.ids - {_NOWHERE}

    def strays(self, there: set[bytes]) -> set[bytes]:
        """The jobs that have to go elsewhere if those other entries are still in the list; the others stay at the head."""
        absent = (self.others - there) | {_NOWHERE}
        at_head = {
            each for other in absent for run in (*self._before.get(other, ()), *self._behind.get(other, ())) for each in run
        }
        fixed = there | {each for each in at_head if each in self._before or each in self._behind}
        return {each for entry in fixed for each in self.around(entry)} - fixed

    def around(self, entry: bytes) -> Iterator[bytes]:
        """The entry, and the jobs that stand before and behind it, in their order."""
        met: set[bytes] = set()
        left: list[bytes | list[bytes]] = [entry]
        while left:
            each = left.pop()
            if isinstance(each, list):
                left += each
            elif each not in met and (each in self._before or each in self._behind):
                met.add(each)
                left += [*self._behind.get(each, ()), each, *reversed(self._before.get(each, ()))]
            else:
                yield each


@dataclass(frozen=True, slots=True)
class Walker:
    """The undo that brings jobs of a batch to their places; only the newest one of a batch does."""

    client: redis.Redis
    batch: str
    name: str
    stop: Callable[[], bool]


class NotAllPlaced(Exception):
    """Some jobs still have to be brought to their places; says why."""


def bring(walker: Walker, queue: str, places: Places) -> tuple[bytes, ...]:
    """Brings jobs from the head of a queue to their places.

    Returns those that are elsewhere, as others have changed the middle of the list again and again. Raises NotAllPlaced and
    redis.RedisError.
    """
    left, astray = set(places.ids), set[bytes]()
    for attempt in range(ATTEMPTS):
        there: set[bytes] = set()
        if others := places.others:
            for page in ids.pages(walker.client, queue, Status.QUEUED):
                there |= others.intersection(page)
        strays = places.strays(there)
        astray |= left - strays if attempt else set()
        left &= strays
        if not left:
            break
        left = _Walk(walker, queue, places, left).go()
    return tuple(left | astray)


def _fitting(number: int, done: int, taken: float) -> int:
    """How many the next script is to do at once, instead of a number: the last one did so many in so many seconds."""
    return max(10, min(LARGEST, number * 2, int(done * TIGHT / taken)))


@dataclass(eq=False, slots=True)
class _Entry:
    id: bytes
    at: int


class _Walk:
    """Goes once through a list.

    Before `_low` all stand in their places; from there to `_front`, in `_open`, stand jobs whose places come later, and entries
    that come `_next`. Places are indices in the list as it was when the walk began.
    """

    def __init__(self, walker: Walker, queue: str, places: Places, strays: set[bytes]) -> None:
        self._walker, self._client, self._queue, self._places = walker, walker.client, queue, places
        self._left = strays
        self._met: dict[bytes, _Entry] = {}
        """Those of the jobs that were met, and whose places come later."""
        self._open: dict[int, _Entry] = {}
        self._next: deque[_Entry] = deque()
        self._low = self._front = self._shift = 0
        """`_shift`: how many entries have been added at the head since it began, less those that have left it."""
        self._witness = b""
        """The entry before `_front`."""
        self._moved, self._read = 100, 500
        """How many entries a script gives other places, and how many one reads that moves none: of these it takes many more."""

    def go(self) -> set[bytes]:
        """The jobs that have not come to their places: none, or others have changed the middle of the list."""
        while self._left or self._next:
            if self._walker.stop():
                raise NotAllPlaced(UNPLACED)
            chosen = [self._next.popleft() for _ in range(min(self._moved // 2, len(self._next)))]
            moves = self._moves(chosen)
            outcome, shift, entries = self._send(moves)
            self._shift += shift
            if outcome == b"overtaken":
                raise NotAllPlaced(OVERTAKEN)
            if outcome == b"taken":
                self._next.extendleft(reversed(chosen))
                self._give_up(-shift)
            elif outcome == b"changed" or not (entries or chosen):
                break
            else:
                self._settle(moves, len(chosen), [entry.id for entry in chosen])
                self._meet(entries)
        return self._left

    def _moves(self, chosen: Sequence[_Entry]) -> dict[int, _Entry]:
        """What is to stand where, so that these come next: the entries that stand there take the places that become free."""
        end, wanted = self._low + len(chosen), set(chosen)
        moves = {at: entry for at, entry in enumerate(chosen, self._low) if entry.at != at}
        displaced = (entry for at in range(self._low, end) if (entry := self._open[at]) not in wanted)
        return moves | dict(zip((entry.at for entry in chosen if entry.at >= end), displaced, strict=True))

    def _send(self, moves: dict[int, _Entry]) -> tuple[bytes, int, list[bytes]]:
        """Makes these moves, in one round trip, and gives what the script returned."""
        given: list[Any] = []
        for at in sorted(moves):
            given += (at + self._shift, self._open[at].id, moves[at].id)
        named: dict[str, Any] = {"batch": self._walker.batch, "walk": self._walker.name, "queue": self._queue}
        named |= {"front": self._front + self._shift, "witness": self._witness}
        named["most"] = max(0, (self._read // 4 if moves else self._read) - len(self._next)) if self._left else 0
        with self._client.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.evalsha(_ARRANGE.digest, 0, *_ARRANGE.values(*given, **named))
            pipe.time()
            before, reply, after = pipe.execute(raise_on_error=False)
        if isinstance(reply, NoScriptError):
            reply = _ARRANGE.run(self._client, *given, **named)
        elif isinstance(reply, Exception):
            with _ARRANGE.plain_errors(self._client):
                raise reply
        else:
            taken = max(1e-5, after[0] - before[0] + (after[1] - before[1]) / 1e6)
            if len(moves) > self._moved // 2 or (moves and taken > TIGHT):
                self._moved = _fitting(self._moved, len(moves), taken)
            elif not moves and len(reply[2]) > self._read // 2:
                self._read = _fitting(self._read, len(reply[2]), taken)
        outcome, shift, entries = reply
        return outcome, shift, entries

    def _give_up(self, taken: int) -> None:
        """Workers have taken jobs that had no place yet: of those that stand next to the head, these would be taken as well."""
        low = min(self._front, 2 * taken - self._shift)
        gone = {self._open.pop(at) for at in range(self._low, low)}
        self._low = max(self._low, low)
        self._next = deque(entry for entry in self._next if entry not in gone)
        for entry in gone:
            self._left.discard(entry.id)
            self._met.pop(entry.id, None)

    def _settle(self, moves: dict[int, _Entry], number: int, settled: Iterable[bytes]) -> None:
        for at, entry in moves.items():
            self._open[at] = entry
            entry.at = at
        if last := self._open.get(self._front - 1):
            self._witness = last.id
        for at in range(self._low, self._low + number):
            del self._open[at]
        self._low += number
        self._left.difference_update(settled)

    def _meet(self, entries: list[bytes]) -> None:
        """The next entries of the list: which ones come next."""
        for entry in entries:
            here = self._open[self._front] = _Entry(entry, self._front)
            self._front += 1
            if entry in self._left and entry not in self._met:
                self._met[entry] = here
                continue
            for each in self._places.around(entry):
                if each == entry:
                    self._next.append(here)
                elif each in self._left:
                    if found := self._met.pop(each, None):
                        self._next.append(found)
                    else:
                        self._left.discard(each)
        if entries:
            self._witness = entries[-1]
