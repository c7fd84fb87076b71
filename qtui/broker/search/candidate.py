"""One job as a search reads it: what an expression does not ask for is neither read from Redis nor decoded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from qtui.broker.arguments import keywords
from qtui.broker.rows import ERROR_READ, TRACEBACK_READ
from qtui.broker.status import Status, parse
from qtui_workers.reading import matching, payload
from qtui_workers.reporting.error_lines import error_line
from qtui_workers.server import keys
from qtui_workers.server.rq_format import decompress, parse_int, parse_time, parse_traceback
from qtui_workers.statuses import Phase
from qtui_workers.text import decode, encode

ALWAYS: Final = ("status", "origin", "created_at", "enqueued_at", "started_at", "ended_at")
"""The fields that every search reads."""
_FIRST_FIELD: Final = 6
"""What `row.lua` returns before the fields: id, queue, score, problem, data, error."""
FIELD_READ: Final = 1_000
"""Bytes of a field that a search reads."""
PAYLOAD_READ: Final = 64 * 1024
"""Bytes of `data` that a search in payloads reads."""


@dataclass(frozen=True, slots=True)
class Need:
    """What has to be read of each job, besides the fields of `ALWAYS`."""

    fields: frozenset[str] = frozenset()
    data: int = 0
    """Bytes of the stored payload."""
    error: int = 0
    """Bytes of the newest stored traceback."""

    def __or__(self, other: Need) -> Need:
        """All that either needs."""
        return Need(self.fields | other.fields, max(self.data, other.data), max(self.error, other.error))

    @property
    def places(self) -> dict[str, int]:
        """Where in the reply of `row.lua` each field is; the status is the first of them."""
        return {name: place for place, name in enumerate((*ALWAYS, *sorted(self.fields.difference(ALWAYS))), _FIRST_FIELD)}

    @property
    def spec(self) -> str:
        """The argument of `row.lua`."""
        names = list(self.places)
        bounds = [FIELD_READ] * len(names)
        return json.dumps({"fields": names, "bounds": bounds, "data": self.data, "data_read": 1 << 18, "error": self.error})


_LATER: Final = ("started_at", "enqueued_at", "created_at")
_MOMENTS: Final[dict[Phase, tuple[str, ...]]] = {
    "created": _LATER[1:],
    "waits": _LATER[1:],
    "runs": _LATER,
    "ended": ("ended_at", *_LATER),
}
"""The fields that say when a job got where it is, the first of them that is known."""

NOTHING: Final = Need()
FUNCTION: Final = Need(data=payload.PREFIX)
PAYLOAD: Final = Need(data=PAYLOAD_READ)
ERROR: Final = Need(error=ERROR_READ)


class Candidate:
    """A job that may fit; its values are decoded when they are first looked at. None is "not known"."""

    def __init__(self, reply: list[Any], places: Mapping[str, int]) -> None:
        """`reply`: of `row.lua`. `places`: where in it each field is."""
        self._reply = reply
        self._places = places

    @classmethod
    def supposed(cls, *, queue: str = "", status: str = "") -> Candidate:
        """A job of which nothing but its queue or its status is known."""
        return cls([b"", encode(queue), b"", b"", None, None, encode(status)], {"status": _FIRST_FIELD})

    @cached_property
    def id(self) -> str:
        """The job's id."""
        return decode(self._reply[0])

    @property
    def gone(self) -> bool:
        """Whether the list names a job that has no hash."""
        return bool(self._reply[3] == b"gone")

    @property
    def damaged(self) -> bool:
        """Whether the job has no hash that can be read."""
        return bool(self._reply[3])

    @cached_property
    def queue(self) -> str | None:
        """The queue whose list named the job."""
        return decode(self._reply[1]) or self.text("origin")

    @cached_property
    def status(self) -> Status | None:
        """Its status."""
        return parse(self.text("status"))

    def raw(self, name: str) -> bytes | None:
        """A field of its hash as it is stored."""
        if self.damaged:
            return None
        value: bytes | None = self._reply[self._places[name]]
        return value

    def text(self, name: str) -> str | None:
        """A field as text; None where it is missing or empty."""
        return decode(self.raw(name)) or None

    def time(self, name: str) -> float | None:
        """A field as seconds since the epoch."""
        return parse_time(self.raw(name))

    @cached_property
    def moment(self) -> float | None:
        """When the job ended, began, or was enqueued, whichever is the newest that its status has."""
        phase = self.status.phase if self.status else "waits"
        return next(filter(None, map(self.time, _MOMENTS[phase])), None)

    @cached_property
    def took(self) -> float | None:
        """How long the last attempt ran, in seconds; None if not known."""
        began, ended = self.time("started_at"), self.time("ended_at")
        return None if began is None or ended is None or ended < began else ended - began

    @property
    def attempts(self) -> int | None:
        """Attempts begun so far."""
        return parse_int(self.raw(keys.FIELD_ATTEMPT))

    @property
    def worker(self) -> str | None:
        """The worker that ran it last."""
        return self.text("worker_name")

    @cached_property
    def function(self) -> str | None:
        """The name of its function."""
        return None if self.damaged else payload.function_name(self._reply[4] or b"")

    @cached_property
    def traceback(self) -> str | None:
        """The newest traceback of a failed job."""
        return None if self.damaged else parse_traceback(self._reply[5], TRACEBACK_READ)

    @cached_property
    def error(self) -> str | None:
        """What was raised last, in one line."""
        return error_line(self.traceback)

    @cached_property
    def content(self) -> bytes:
        """The stored payload, uncompressed."""
        return b"" if self.damaged else decompress(self._reply[4] or b"", payload.MAX_BYTES)[0]

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """What it was given: `{"args": [...], "kwargs": {...}}`, without secrets."""
        call = payload.quick_call(self.content) or payload.job_call(self.content)
        return {"args": call.args, "kwargs": keywords(call)}

    def argument(self, path: Sequence[str]) -> Any:
        """The value that a path leads to, from a keyword on, or from `args` or `kwargs` on; None where it leads nowhere."""
        return matching.argument(self.arguments["args"], self.arguments["kwargs"], path)

    @cached_property
    def words(self) -> str:
        """Every key and value of the payload in lower case, one a line."""
        return "\n".join(_texts(self.arguments)).lower()


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
