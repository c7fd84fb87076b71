"""Causes of failures that people know already: which, since when, and their notes; kept in Redis for all operators."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from qtui_workers.records import Record
from qtui_workers.server import keys
from qtui_workers.server.replies import unless_wrong_type
from qtui_workers.text import decode

if TYPE_CHECKING:
    import redis

State = Literal["new", "known", "back"]
Change: TypeAlias = "Callable[[redis.Redis, str], object]"
"""Changes what is known about the cause with that fingerprint."""

QUIET: Final = 3 * 24 * 3600.0
"""Seconds without a failure after which a known cause is back again, instead of still there: longer than a weekend."""
LONGEST_NOTE: Final = 500


class Acknowledgement(Record):
    """What a person noted about a cause."""

    at: float
    """When, in seconds since the epoch."""
    note: str


def load(client: redis.Redis) -> dict[str, Acknowledgement]:
    """All acknowledgements, by the cause's fingerprint; one round trip. Entries that cannot be read are left out."""
    return of(unless_wrong_type(client.hgetall, keys.ACKNOWLEDGED) or {})


def of(stored: Mapping[bytes | str, bytes | str]) -> dict[str, Acknowledgement]:
    """The acknowledgements in the hash that holds them all."""
    found = {decode(fingerprint): _read(raw) for fingerprint, raw in stored.items()}
    return {fingerprint: each for fingerprint, each in found.items() if each}


def _read(raw: bytes | str) -> Acknowledgement | None:
    try:
        document = json.loads(raw)
        return Acknowledgement(float(document["at"]), str(document["note"])[:LONGEST_NOTE])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def acknowledge(client: redis.Redis, fingerprint: str, note: str, now: float) -> None:
    """From now on the cause is known; an earlier note is replaced."""
    client.hset(keys.ACKNOWLEDGED, fingerprint, json.dumps({"at": now, "note": note[:LONGEST_NOTE]}))


def forget(client: redis.Redis, fingerprint: str) -> bool:
    """The cause is new again; False if it was not known."""
    return bool(client.hdel(keys.ACKNOWLEDGED, fingerprint))


def state(found: Acknowledgement | None, hours: Iterable[int]) -> State:
    """Whether a cause is new, known, or back: a known one that failed again after no failure for `QUIET` seconds.

    `hours`: those in which its jobs failed, as hours since the epoch, in any order.
    """
    if found is None:
        return "new"
    since = [found.at, *(at for at in (hour * 3600.0 for hour in sorted(hours)) if at > found.at)]
    return "back" if any(later - earlier >= QUIET for earlier, later in pairwise(since)) else "known"
