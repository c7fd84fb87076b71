"""The logs of the jobs that run: which are read, and what is left of one when its job has ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import redis

from qtui.broker.tail.lines import LOG, LONGEST, MISSED, Line
from qtui.broker.tail.streams import Entry, Streams
from qtui_workers.reporting.job_log import LogLine, read_log
from qtui_workers.server import keys
from qtui_workers.server.replies import reply_of
from qtui_workers.server.rq_format import parse_number, parse_time
from qtui_workers.text import decode, encode

MOST: Final = 64
"""Logs that are read at the same time."""
ENDED: Final = 200
"""Logs of jobs that have ended that one call reads …"""
WAITING: Final = 2_000
"""… and that may wait to be read; of more the oldest are left out."""
FOLDED: Final = 200
"""Lines up to which the log of a job becomes a field of its hash when it ends (`qtui_workers/lua/log.lua`)."""
REST: Final = 1_000
"""Lines that are read of a log at the end of its job."""
SLACK: Final = 1.0
"""Seconds by which a line may seem to be from before its attempt, as both times are rounded."""


class Who(NamedTuple):
    """The job that writes a log."""

    job: str
    queue: str | None = None
    function: str | None = None
    worker: str | None = None
    attempt: int | None = None


@dataclass(slots=True)
class _Log:
    """The log of a job that runs."""

    who: Who
    read: list[LogLine] = field(default_factory=list)
    """The lines that were read, while they are few enough to become a field of the job."""


class Logs:
    """The logs of up to `MOST` running jobs. Only one thread at a time may use it; what reads raises redis.RedisError."""

    def __init__(self, client: redis.Redis, streams: Streams) -> None:
        self._client = client
        self._streams = streams
        self._logs: dict[str, _Log] = {}
        self._ended: dict[str, Who] = {}
        self._left: dict[str, bytes] = {}
        """By job, how far the logs of ended attempts were read, as another may follow."""
        self._ran: set[str] = set()
        self._whole: set[str] = set()
        """The jobs that had ended before, of which all lines are wanted, also those of earlier attempts."""

    @property
    def unread(self) -> int:
        """How many jobs run whose logs are not read, because there are too many."""
        return len(self._ran - {log.who.job for log in self._logs.values()})

    @property
    def is_behind(self) -> bool:
        """Whether logs of jobs that have ended wait to be read."""
        return bool(self._ended)

    def began(self, who: Who, event: str) -> None:
        """An attempt has begun with that event: its log is read from there on."""
        self._ended.pop(who.job, None)
        key = keys.log(who.job)
        if key in self._logs:
            self._logs[key].who = who
        elif len(self._logs) < MOST:
            self._logs[key] = _Log(who)
            self._streams.add(key, self._left.pop(who.job, None) or (None if who.attempt == 1 else _before(event)))

    def ended(self, who: Who) -> None:
        """An attempt has ended: what is left of its log is read next."""
        self._ended[who.job] = who

    def left(self, who: Who, *, whole: bool) -> None:
        """A job was seen not to run: what is left of its log is read where it was read so far, or `whole`."""
        if whole:
            self._whole.add(who.job)
        if whole or keys.log(who.job) in self._logs:
            self._ended[who.job] = who

    def running(self, jobs: Sequence[Who], backlog: int) -> list[Line]:
        """These jobs run: the logs of as many of them as there is room for are read; returns the newest lines of the new ones."""
        self._ran = {who.job for who in jobs}
        room = max(0, MOST - len(self._logs))
        new = [who for who in jobs if keys.log(who.job) not in self._logs and who.job not in self._ended][:room]
        for who in new:
            self._logs[keys.log(who.job)] = _Log(who)
        found = self._streams.open([keys.log(who.job) for who in new], backlog) if new else {}
        return [line for key, entries in found.items() for line in self.lines(key, entries)]

    def lines(self, key: str, entries: Sequence[Entry], lost: int | None = 0) -> list[Line]:
        """The lines of new entries of a stream that is a log."""
        log = self._logs.get(key)
        if log is None:
            return []
        who = log.who
        lines = [_of_entry(entry, who) for entry in entries]
        log.read += [LogLine(line.at, line.level, line.text) for line in lines[: max(0, FOLDED + 1 - len(log.read))]]
        if lost != 0:
            lines.insert(0, missed(lost, "log lines", lines[0].at if lines else 0.0, log.who))
        return lines

    def has(self, key: str) -> bool:
        """Whether that stream is a log that is read."""
        return key in self._logs

    def rest(self) -> list[Line]:
        """What is left of the logs of jobs that have ended, at most `ENDED` of them; two commands for each, one round trip."""
        if not self._ended:
            return []
        skipped = list(self._ended)[:-WAITING]
        for job in skipped:
            self._forget(job)
        some = list(self._ended.values())[:ENDED]
        replies = self._ask(some)
        found = []
        for who, entries, fields in zip(some, replies[::2], replies[1::2], strict=True):
            found += self._rest_of(who, reply_of(entries) or [], reply_of(fields) or [None, None])
        if skipped:
            text = f"the log lines of {len(skipped):,} jobs, which ended faster than logs can be read"
            found.append(Line(found[-1].at if found else 0.0, MISSED, text))
        return found

    def _ask(self, ended: Iterable[Who]) -> list[Any]:
        """The stream of each log before the field which it may become in the same moment: so no line is in neither."""
        with self._client.pipeline(transaction=False) as pipe:
            for who in ended:
                stream = encode(keys.log(who.job))
                pipe.xrange(stream, min=b"(" + self._streams.place(keys.log(who.job)), count=REST)
                pipe.hmget(encode(keys.job(who.job)), [keys.FIELD_LOG, "started_at"])
            return pipe.execute(raise_on_error=False)

    def _rest_of(self, who: Who, entries: list[Any], fields: list[bytes | None]) -> list[Line]:
        self._left[who.job] = entries[-1][0] if entries else self._streams.place(keys.log(who.job))
        if len(self._left) > WAITING:
            del self._left[next(iter(self._left))]
        log = self._forget(who.job)
        lines = list(read_log(None, entries))
        begun = parse_time(fields[1])
        since = 0.0 if begun is None or who.job in self._whole else begun - SLACK
        self._whole.discard(who.job)
        read = Counter([*(log.read if log else ()), *lines])
        for line in read_log(fields[0], ()):
            if read[line] > 0:
                read[line] -= 1
            elif line.at >= since:
                lines.append(line)
        return [_line(log.who if log else who, line) for line in sorted(lines, key=lambda line: line.at)]

    def _forget(self, job: str) -> _Log | None:
        self._streams.remove(keys.log(job))
        self._ran.discard(job)
        self._ended.pop(job, None)
        return self._logs.pop(keys.log(job), None)


def missed(lost: int | None, what: str, at: float, who: Who | None = None) -> Line:
    """That entries were gone before they could be read."""
    number = "some" if lost is None else f"{lost:,}"
    text = f"{number} {what} were dropped before they could be read"
    return Line(at, MISSED, text, "", *(who or (None, None, None, None, None)))


def _before(event: str) -> bytes:
    """The place in another stream right before the millisecond of an event."""
    return b"%d-18446744073709551615" % (int(event.partition("-")[0]) - 1)


def _of_entry(entry: Entry, who: Who) -> Line:
    entry_id, flat = entry
    fields = dict(zip(flat[::2], flat[1::2], strict=False))
    at = parse_number(fields.get(b"at")) or int(entry_id.partition(b"-")[0]) / 1000
    text = decode(fields.get(b"text", b"")[: LONGEST * 4])[:LONGEST]
    return Line(at, LOG, text, decode(fields.get(b"level")) or "info", *who)


def _line(who: Who, line: LogLine) -> Line:
    return Line(line.at, LOG, line.text[:LONGEST], line.level, who.job, who.queue, who.function, who.worker, who.attempt)
