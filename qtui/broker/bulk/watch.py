"""The jobs of an operation whose course is watched: how many have ended and how, however many they are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

import redis

from qtui.broker import rows
from qtui.broker.bulk.selection import Targets
from qtui.broker.models import JobRow
from qtui.broker.status import Status, parse
from qtui_workers.server import keys
from qtui_workers.server.replies import reply_of
from qtui_workers.text import decode, encode

READ: Final = 4_000
"""How many statuses one look reads at most."""
_STATUSES: Final = tuple(Status)
_UNKNOWN, _GONE = len(_STATUSES), len(_STATUSES) + 1
_OPEN: Final = re.compile(b"[%b]" % bytes([*(code for code, status in enumerate(_STATUSES) if not status.ended), _UNKNOWN]))
"""The codes of jobs that may still change."""


@dataclass(frozen=True, slots=True)
class Course:
    """How the jobs are, and a window of them."""

    counts: Mapping[Status, int]
    """How many have each status, as far as it is known."""
    gone: int
    """Jobs whose record does not exist any more, or is something else."""
    unread: int
    """Jobs of which nothing is known yet."""
    total: int
    offset: int
    rows: tuple[JobRow, ...]

    @property
    def ended(self) -> int:
        """Jobs to which nothing more happens by itself."""
        return self.gone + sum(number for status, number in self.counts.items() if status.ended)


class Watch:
    """The ids of the jobs, and the status of each as it was last read: a byte, so that a million are watched too.

    A job that has ended is not read again, unless it is in the window. Only one thread at a time may look.
    """

    def __init__(self, what: str, targets: Sequence[Targets], tried: Callable[[], int] | None = None) -> None:
        """`what` is done to the jobs: "retried"; to the first `tried()` of them so far, which grows while it goes on."""
        self.what = what
        self._ids = tuple(chain.from_iterable(target.ids for target in targets))
        self._tried = tried
        self._known = bytearray()
        self._counts: Counter[int] = Counter()
        self._next = 0
        """The place from which on the next look reads."""

    def __len__(self) -> int:
        """How many jobs are watched: those that were tried."""
        return len(self._ids) if self._tried is None else min(self._tried(), len(self._ids))

    @property
    def planned(self) -> int:
        """How many there will be, unless the operation stops before."""
        return len(self._ids)

    def look(self, client: redis.Redis, offset: int, limit: int) -> Course:
        """Read the statuses of the jobs that were read longest ago, and a window of rows; two round trips.

        Raises redis.RedisError.
        """
        self._grow()
        total = len(self._known)
        offset = max(0, min(offset, total))
        self._read(client)
        found = rows.named(client, [(job_id, "") for job_id in self._ids[offset : min(offset + limit, total)]])
        for place, row in enumerate(found, offset):
            self._note(place, row.status, exists=row.problem not in rows.PROBLEMS.values())
        counts = {status: self._counts[code] for code, status in enumerate(_STATUSES) if self._counts[code]}
        return Course(counts, self._counts[_GONE], self._counts[_UNKNOWN], total, offset, found)

    def next_failed(self, place: int, step: int) -> int | None:
        """The place of the next failed job in a direction (1 or -1), as far as is known; None where there is none."""
        failed = [code for code, status in enumerate(_STATUSES) if status.failed]
        if step > 0:
            return min((found for code in failed if (found := self._known.find(code, place + 1)) >= 0), default=None)
        return max((found for code in failed if (found := self._known.rfind(code, 0, max(0, place))) >= 0), default=None)

    def _grow(self) -> None:
        """Watch what was tried since."""
        more = len(self) - len(self._known)
        self._known += bytes([_UNKNOWN]) * more
        self._counts[_UNKNOWN] += more

    def _read(self, client: redis.Redis) -> None:
        known, start = self._known, self._next
        found = chain(_OPEN.finditer(known, start), _OPEN.finditer(known, 0, start))
        places = [each.start() for each in islice(found, READ)]
        if not places:
            return
        with client.pipeline(transaction=False) as pipe:
            for place in places:
                pipe.hget(encode(keys.job(self._ids[place])), "status")
            replies = [reply_of(reply) for reply in pipe.execute(raise_on_error=False)]
        for place, reply in zip(places, replies, strict=True):
            self._note(place, parse(decode(reply)), exists=reply is not None)
        self._next = places[-1] + 1

    def _note(self, place: int, status: Status | None, *, exists: bool) -> None:
        code = _STATUSES.index(status) if status else _UNKNOWN if exists else _GONE
        self._counts[self._known[place]] -= 1
        self._counts[code] += 1
        self._known[place] = code
