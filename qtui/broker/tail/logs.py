"""The logs of the jobs that run: which are read, and what is left of one when its job has ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from qtui.broker.tail.lines import LOG, LONGEST, MISSED, Line, shared
from qtui.broker.tail.streams import START, Entry, Streams
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
BEGUN: Final = 10_000
"""Jobs whose beginning is remembered until their logs are read."""
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
    since: float | None = None
    """When the oldest line that is wanted was logged; None: all of what the attempt logs are."""


class _Left(NamedTuple):
    """Where the reading of a log was left at the end of an attempt, as another may follow."""

    place: bytes
    last: tuple[LogLine, ...]
    """The lines of the last moment: they might be of the next attempt, by their time."""


class Logs:
    """The logs of up to `MOST` running jobs. Only one thread at a time may use it; what reads raises redis.RedisError."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._logs: dict[str, _Log] = {}
        self._ended: dict[str, Who] = {}
        self._most: dict[str, int] = {}
        """Of the jobs that had ended before: how many of their lines are wanted."""
        self._begun: dict[str, str] = {}
        """By job, the event with which the first of the attempts began whose lines are not all read."""
        self._left: dict[str, _Left] = {}
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
        self._begun.setdefault(who.job, event)
        if len(self._begun) > BEGUN:
            del self._begun[next(iter(self._begun))]
        key = keys.log(who.job)
        if key in self._logs:
            self._logs[key].who = who
        elif len(self._logs) < MOST:
            self._open(who)

    def _open(self, who: Who) -> None:
        """Read a log from where it was left, or from the beginning of the attempt."""
        left = self._left.get(who.job)
        self._streams.add(keys.log(who.job), self._place(who.job))
        self._logs[keys.log(who.job)] = _Log(who, list(left.last) if left else [])

    def _place(self, job: str) -> bytes:
        """How far the log of a job has been read."""
        if keys.log(job) in self._streams:
            return self._streams.place(keys.log(job))
        if left := self._left.get(job):
            return left.place
        return _before(self._begun[job]) if job in self._begun and job not in self._whole else START

    def ended(self, who: Who, most: int | None = None) -> None:
        """An attempt has ended: what is left of its log is read next; `most`: the newest lines, of one that had ended before."""
        self._ended[who.job] = who
        if most is not None:
            self._most[who.job] = most

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
            if who.job in self._left:
                self._open(who)
        others = {keys.log(who.job): who for who in new if who.job not in self._left}
        lines = []
        for key, entries in (self._streams.open(list(others), max(1, backlog)) if others else {}).items():
            self._logs[key] = log = _Log(others[key])
            found = self.lines(key, entries)
            log.since = found[0].at if found else None
            lines += found if backlog else []
        return lines

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
        commands: list[tuple[bytes, ...]] = []
        for who in ended:
            commands.append((b"XRANGE", encode(keys.log(who.job)), b"(" + self._place(who.job), b"+", b"COUNT", b"%d" % REST))
            commands.append((b"HMGET", encode(keys.job(who.job)), encode(keys.FIELD_LOG), b"started_at"))
        return self._streams.call(commands)

    def _rest_of(self, who: Who, entries: list[Any], fields: list[bytes | None]) -> list[Line]:
        job = who.job
        log = self._logs.get(keys.log(job))
        if not (entries or fields[0] or (log and log.read)):  # most short jobs log nothing
            self._forget(job)
            return []
        place, since, most = self._place(job), self._since(job, parse_time(fields[1])), self._most.get(job)
        before = self._left.pop(job, None)
        self._forget(job)
        lines = list(read_log(None, map(_fields, entries)))
        read = Counter([*(log.read if log else before.last if before else ()), *lines])
        if place == START and log is None:
            lines = [line for line in lines if line.at >= since]
        for line in read_log(fields[0], ()):
            if read[line] > 0:
                read[line] -= 1
            elif line.at >= since:
                lines.append(line)
        lines.sort(key=lambda line: line.at)
        self._leave(job, entries[-1][0] if entries else place, [*(log.read if log else ()), *lines])
        return [_line(log.who if log else who, line) for line in (lines if most is None else lines[-most:])]

    def _since(self, job: str, begun: float | None) -> float:
        """From when on the lines of a job are wanted that are found in its hash."""
        log = self._logs.get(keys.log(job))
        if job in self._whole:
            return 0.0
        if log and log.since is not None:
            return log.since
        known = [begun] if begun is not None else []
        known += [_milliseconds(self._begun[job]) / 1000] if job in self._begun else []
        return min(known, default=SLACK) - SLACK

    def _leave(self, job: str, place: bytes, read: Sequence[LogLine]) -> None:
        newest = max((line.at for line in read), default=0.0)
        self._left[job] = _Left(place, tuple(line for line in read[-FOLDED:] if line.at >= newest - 2 * SLACK))
        if len(self._left) > WAITING:
            del self._left[next(iter(self._left))]

    def _forget(self, job: str) -> _Log | None:
        self._streams.remove(keys.log(job))
        for known in (self._ended, self._begun, self._most):
            known.pop(job, None)
        for jobs in (self._ran, self._whole):
            jobs.discard(job)
        return self._logs.pop(keys.log(job), None)


def missed(lost: int | None, what: str, at: float, who: Who | None = None) -> Line:
    """That entries were gone before they could be read."""
    number = "some" if lost is None else f"{lost:,}"
    text = f"{number} {what} were dropped before they could be read"
    return Line(at, MISSED, text, "", *(who or (None, None, None, None, None)))


def _before(event: str) -> bytes:
    """The place in another stream right before the millisecond of an event."""
    return b"%d-18446744073709551615" % (_milliseconds(event) - 1)


def _fields(entry: Entry) -> tuple[bytes, dict[bytes, bytes]]:
    entry_id, flat = entry
    return entry_id, dict(zip(flat[::2], flat[1::2], strict=False))


def _milliseconds(event: str) -> int:
    return int(event.partition("-")[0])


def _of_entry(entry: Entry, who: Who) -> Line:
    entry_id, fields = _fields(entry)
    at = parse_number(fields.get(b"at")) or int(entry_id.partition(b"-")[0]) / 1000
    text = decode(fields.get(b"text", b"")[: LONGEST * 4])[:LONGEST]
    return Line(at, LOG, text, shared(decode(fields.get(b"level")) or "info"), *who)


def _line(who: Who, line: LogLine) -> Line:
    return Line(line.at, LOG, line.text[:LONGEST], shared(line.level), who.job, who.queue, who.function, who.worker, who.attempt)
