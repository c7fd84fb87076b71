"""The log of a job as Redis has it: a stream while the job runs, and a field of its hash once it has ended, where it is short."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from qtui_workers.records import Record
from qtui_workers.server.rq_format import parse_int, parse_number
from qtui_workers.text import decode


class LogLine(Record):
    """One line that a running job printed or logged; not safe to show (`text.printable`)."""

    at: float
    """Seconds since the epoch; 0 where that is not known."""
    level: str
    text: str


def read_log(folded: bytes | None, entries: Iterable[tuple[bytes, dict[bytes, bytes]]]) -> tuple[LogLine, ...]:
    """The lines, oldest first, of the field `keys.FIELD_LOG` and of the stream `keys.log`: a job may have both, or either.

    The field, which `lua/log.lua` writes, is JSON: level, text and time of one line after the other. What of it cannot be
    read is left out.
    """
    return (*_folded(folded), *(_of_entry(entry_id, fields) for entry_id, fields in entries))


def _folded(raw: bytes | None) -> list[LogLine]:
    if not raw:
        return []
    try:
        found: Any = json.loads(decode(raw))
    except (ValueError, RecursionError):
        return []
    if not isinstance(found, list):
        return []
    texts = [str(part) for part in found]
    return [LogLine(parse_number(at) or 0, level, text) for level, text, at in zip(*[iter(texts)] * 3, strict=False)]


def _of_entry(entry_id: bytes, fields: dict[bytes, bytes]) -> LogLine:
    stamp = parse_int(entry_id.partition(b"-")[0]) or 0
    return LogLine(
        at=parse_number(fields.get(b"at")) or stamp / 1000,
        level=decode(fields.get(b"level")) or "info",
        text=decode(fields.get(b"text")),
    )
