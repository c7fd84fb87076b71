"""One job as a search reads it: what an expression does not need is neither read from Redis nor decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar

from qtui.broker.arguments import keywords, secrets
from qtui.broker.rows import TRACEBACK_READ, described_function
from qtui.broker.status import Status
from qtui_workers.reading import matching, stored_payload
from qtui_workers.reading.pickle_shapes import Shape, Shapes, Stored, decoded
from qtui_workers.reporting.error_lines import error_line
from qtui_workers.server import keys
from qtui_workers.server.rq_format import decompress, parse_int, parse_time, parse_traceback
from qtui_workers.text import decode, encode

ALWAYS: Final = ("status", "origin")
"""The fields that every search reads, and their places."""
PAYLOAD_READ: Final = 64 * 1024
"""Bytes of `data` that a search looks at."""


@dataclass(frozen=True, slots=True)
class Need:
    """What has to be read of each job, besides the fields of `ALWAYS`."""

    fields: frozenset[str] = frozenset()
    """Of its hash."""
    error: bool = False
    """Whether the newest traceback is, of jobs that failed."""

    def __or__(self, other: Need) -> Need:
        """All that either needs."""
        return Need(self.fields | other.fields, self.error or other.error)

    @property
    def places(self) -> dict[str, int]:
        """Where in the reply each field is."""
        return {name: place for place, name in enumerate((*ALWAYS, *sorted(self.fields.difference(ALWAYS))))}


_MOMENTS_OF: Final = {status.value.encode(): status.times for status in Status}
"""The fields that say when a job got where it is, the first of them that is known."""
_STATUSES: Final = {status.value.encode(): status for status in Status}

_SHAPES: Final = Shapes()

NOTHING: Final = Need()
FUNCTION: Final = Need(frozenset({"data"}))
PAYLOAD: Final = FUNCTION
ERROR: Final = Need(error=True)
MOMENT: Final = Need(frozenset(Status.FINISHED.times))

Owner = TypeVar("Owner")
Value = TypeVar("Value")


class lazy(Generic[Owner, Value]):  # noqa: N801 - used like `property`
    """A value that is made when it is first read; `cached_property` without its lock, which costs more than most values."""

    def __init__(self, make: Callable[[Owner], Value]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    def __get__(self, owner: Owner, _kind: type[Owner]) -> Value:
        value = owner.__dict__[self._name] = self._make(owner)
        return value


class Candidate:
    """A job that may fit; its values are decoded when they are first looked at. None is "not known"."""

    damaged = False
    """Whether the job has no hash that can be read."""
    gone = False
    """Whether there is nothing at all under its key."""
    stored_error: bytes | None = None
    """The newest traceback as it is stored."""
    listed_at: float | None = None
    """By which its list is in order, where none of its fields says that: such as when a scheduled job is due."""

    def __init__(self, key: bytes, queue: str, reply: list[Any] | None, places: Mapping[str, int]) -> None:
        """`key`: its id. `queue`: that whose list named it, or ''. `reply`: its fields, `places`: where in it each is; None where
        there is no hash that can be read.
        """
        self._key, self._queue, self._reply, self._places = key, queue, reply, places
        if reply is None:
            self.damaged = True

    @classmethod
    def supposed(cls, *, queue: str = "", status: str = "") -> Candidate:
        """A job of which nothing but its queue or its status is known."""
        return cls(b"", queue, [encode(status), None], {"status": 0, "origin": 1})

    @property
    def id(self) -> str:
        """The job's id."""
        return decode(self._key)

    @lazy
    def queue(self) -> str | None:
        """The queue whose list named the job."""
        return self._queue or self.text("origin")

    @lazy
    def status(self) -> Status | None:
        """Its status."""
        return _STATUSES.get(self._reply[0]) if self._reply else None

    def raw(self, name: str) -> bytes | None:
        """A field of its hash as it is stored."""
        if self._reply is None:
            return None
        value: bytes | None = self._reply[self._places[name]]
        return value

    def text(self, name: str) -> str | None:
        """A field as text; None where it is missing or empty."""
        return decode(self.raw(name)) or None

    def time(self, name: str) -> float | None:
        """A field as seconds since the epoch."""
        return parse_time(self.raw(name))

    @lazy
    def moment(self) -> float | None:
        """When the job ended, began, or was enqueued, whichever is the newest that its status has."""
        if reply := self._reply:
            for name in _MOMENTS_OF.get(reply[0], Status.QUEUED.times):
                if (at := parse_time(reply[self._places[name]])) is not None:
                    return at
        return None

    @lazy
    def took(self) -> float | None:
        """How long the last attempt ran, in seconds; None if not known."""
        began, ended = self.time("started_at"), self.time("ended_at")
        return None if began is None or ended is None or ended < began else ended - began

    @property
    def ended_at(self) -> float | None:
        """When the last attempt ended; None if not known."""
        return self.time("ended_at")

    @property
    def attempts(self) -> int | None:
        """Attempts begun so far."""
        return parse_int(self.raw(keys.FIELD_ATTEMPT))

    @property
    def worker(self) -> str | None:
        """The worker that ran it last."""
        return self.text("worker_name")

    @lazy
    def function(self) -> str | None:
        """The name of its function."""
        if known := self.__dict__.get("_known"):
            return str(known[0].function)
        data = self._data
        return described_function(data) if isinstance(data, str) else stored_payload.function_name(data)

    @lazy
    def traceback(self) -> str | None:
        """The newest traceback of a failed job."""
        return parse_traceback(self.stored_error, TRACEBACK_READ)

    @lazy
    def error(self) -> str | None:
        """What was raised last, in one line."""
        return error_line(self.traceback)

    @lazy
    def content(self) -> bytes:
        """The stored payload, uncompressed."""
        data = self._data
        return b"" if isinstance(data, str) else decompress(data[:PAYLOAD_READ], stored_payload.MAX_BYTES)[0]

    @property
    def _data(self) -> bytes | str:
        """The stored payload, where it is needed; of one that is too long to be read, the description in its place."""
        if self._reply is None or (place := self._places.get("data")) is None:
            return b""
        data: bytes | str | None = self._reply[place]
        return data or b""

    @lazy
    def arguments(self) -> dict[str, Any]:
        """What it was given: `{"args": [...], "kwargs": {...}}`, without secrets."""
        call = stored_payload.quick_call(self.content) or stored_payload.job_call(self.content)
        return {"args": call.args, "kwargs": keywords(call)}

    @lazy
    def _known(self) -> tuple[Shape, Stored] | None:
        """The shape of its payload and the values there; None where it has none that is known."""
        return _SHAPES.read(self.content)

    def argument(self, path: tuple[str, ...]) -> Any:
        """The value that a path leads to, from a keyword on, or from `args` or `kwargs` on; None where it leads nowhere."""
        if known := self._known:
            shape, values = known
            place = _place(shape, path)
            if place is None:
                return None
            if place >= 0 and (value := decoded(values[place])) is not None:
                return value
        return matching.argument(self.arguments["args"], self.arguments["kwargs"], path)

    @lazy
    def words(self) -> str:
        """Every key and value of the payload in lower case, one a line."""
        return "\n".join(_texts(self.arguments)).lower()


def arguments_at(jobs: Sequence[Candidate], path: tuple[str, ...]) -> list[Any]:
    """What `argument` says of each of many jobs, in a loop without detours: where jobs are counted, it is most of the work."""
    found: list[Any] = []
    for job in jobs:
        known = job.__dict__["_known"] = _SHAPES.read(job.content)
        place = _place(known[0], path) if known else -1
        value = decoded(known[1][place]) if known and place is not None and place >= 0 else None
        found.append(job.argument(path) if value is None and place is not None else value)
    return found


@lru_cache(1_000)
def _place(shape: Shape, path: tuple[str, ...]) -> int | None:
    """Which value of a shape a path leads to; None: nowhere, -1: it has to be looked for."""
    return shape.place(path) if secrets(shape.function).isdisjoint(path) else -1


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    else:
        yield matching.as_text(value)
