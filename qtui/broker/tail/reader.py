"""Reads what happens to jobs: the one reader of the dashboard and of `qtui tail`."""

from __future__ import annotations

from typing import Final

import redis

from qtui.broker.lists.running import Running, Subject
from qtui.broker.models import JobRow
from qtui.broker.tail.lines import BEGUN, ENDS, Line, of_event
from qtui.broker.tail.logs import Logs, Who, missed
from qtui.broker.tail.seen_changes import SeenChanges
from qtui.broker.tail.streams import Entry, Streams
from qtui_workers.reporting.events import Event, EventKind, from_entry
from qtui_workers.server import keys

ROUNDS: Final = 12
"""So often a call reads on where a stream has more than it takes at once: all events that the stream keeps."""


class Tail:
    """Events, log lines and changes of status of some jobs. Only one thread at a time may use it.

    After an error of Redis the same `Tail` goes on where it was; one line reports what was dropped meanwhile.
    """

    def __init__(self, client: redis.Redis, about: Subject, *, events: int = 0, lines: int = 0) -> None:
        """It begins with so many of the newest events, and of the newest log lines of each job."""
        self._about = about
        self._streams = Streams(client)
        self._logs = Logs(self._streams)
        self._story = SeenChanges(about)
        self._events, self._lines = events, lines
        self._begun = False
        self.turn = 0
        """How many readings are done."""
        self._waiting: list[Line] = []
        """What was read before an error."""

    @property
    def is_behind(self) -> bool:
        """Whether there is more to be read at once."""
        return self._logs.is_behind

    @property
    def unread(self) -> int:
        """How many of the running jobs have logs that are not read, because there are too many of them."""
        return self._logs.unread

    def read(self, wait: float, seen: Running | None = None, now: float = 0.0, turn: int | None = None) -> list[Line]:
        """The next lines, the oldest first; where there are none, it waits for them at most `wait` seconds.

        `seen`: the jobs as they are, read before this call at `now`, by the server's clock: without them nothing is known of
        what no event reports, nor of the logs of jobs that began before. `turn`: how many readings were done before the jobs
        were read; all, where it is not given. Raises redis.RedisError.
        """
        if not self._begun:
            self._waiting += self._begin()
        news = self._streams.wait(0 if seen or self._waiting or self._logs.is_behind else wait)
        rounds = 0
        while news and rounds < ROUNDS:
            self._take(news)
            rounds += 1
            news = self._streams.wait(0) if self._streams.is_behind else []
        if seen:
            self._see(seen, now, self.turn if turn is None else turn)
        self._waiting += self._logs.rest()
        found, self._waiting = self._waiting, []
        self.turn += 1
        return sorted(found, key=lambda line: line.at)

    def _begin(self) -> list[Line]:
        entries = self._streams.open([keys.EVENTS], self._events)[keys.EVENTS]
        self._begun = True
        lines = [line for line in map(of_event, map(_event, entries)) if self._about.covers(line.job, line.queue)]
        ended = {}
        for line in lines:
            self._story.is_known(line, self.turn)
            if line.kind in ENDS:
                ended[line.job] = line
            elif line.kind in BEGUN:
                ended.pop(line.job, None)
        for line in ended.values() if self._lines else ():
            if line.job is not None:
                self._logs.ended(_of(line), most=self._lines)
        return lines

    def _take(self, news: list[str]) -> None:
        for taken in self._streams.take(news):
            if taken.key != keys.EVENTS:
                self._waiting += self._logs.lines(taken.key, taken.entries, taken.lost)
                continue
            if taken.lost != 0:
                self._waiting.append(missed(taken.lost, "events", _event(taken.entries[0]).at))
            for entry in taken.entries:
                event = _event(entry)
                if self._about.covers(event.source.job, event.source.queue):
                    self._tell(event)

    def _tell(self, event: Event) -> None:
        """What happens to a job is a line, and its log begins or ends with it."""
        line = of_event(event)
        if not self._story.is_known(line, self.turn):
            self._waiting.append(line)
        if line.job is None:
            return
        if line.kind == EventKind.STARTED:
            self._logs.began(_of(line), event.id)
        elif line.kind in ENDS:
            self._logs.ended(_of(line))

    def _see(self, seen: Running, now: float, turn: int) -> None:
        self._story.forget_before(turn)
        rows = [run.now for run in seen.runs]
        first = self._story.is_new
        runs = [_who(row) for row in rows if row.status and row.status.runs and not self._story.has_ended(row.id)]
        rest = [_who(row) for row in rows if not ((row.status and row.status.runs) or self._story.has_begun(row.id))]
        self._waiting += self._story.look(rows, now)
        self._waiting += self._logs.running(runs, self._lines)
        for who in rest:
            self._logs.left(who, whole=first and bool(self._about.ids))


def _event(entry: Entry) -> Event:
    entry_id, flat = entry
    return from_entry(entry_id, dict(zip(flat[::2], flat[1::2], strict=False)))


def _of(line: Line) -> Who:
    return Who(line.job or "", line.queue, line.function, line.worker, line.attempt)


def _who(row: JobRow) -> Who:
    return Who(row.id, row.queue, row.function, row.worker, row.attempts)
