"""Finds the job that a person means by an id, whole or as short as lists show it."""

from __future__ import annotations

from typing import Final

import redis

from qtui_workers.errors import NotFound
from qtui_workers.server import keys
from qtui_workers.text import decode, encode, printable

SHORTEST: Final = 6
"""A beginning of an id with fewer characters is not searched for."""
SCANNED: Final = 2_000_000
"""About this many keys are searched for a beginning at most."""
BLOCK: Final = 5_000
MOST: Final = 5
_SPECIAL: Final = str.maketrans({character: f"\\{character}" for character in "*?[]\\^-"})


def find(client: redis.Redis, text: str) -> str:
    """The id of the job with that id, or of the only one whose id begins with the text.

    Reads the keyspace with SCAN if there is no job of exactly that id. Raises NotFound, in one sentence, if there is no such
    job or more than one.
    """
    if client.exists(encode(keys.job(text)), encode(keys.results(text))):
        return text
    found = _beginning(client, text) if len(text) >= SHORTEST else []
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(printable(job_id, 60) for job_id in found)
        raise NotFound(f"more than one job has an id that begins with {printable(text, 100)!r}: {names}")
    raise NotFound(f"there is no job {printable(text, 100)!r}: it may have expired, or been removed")


def _beginning(client: redis.Redis, text: str) -> list[str]:
    """The ids that begin with a text, at most `MOST`."""
    found: dict[str, None] = {}
    pattern, cursor = encode(keys.job(text.translate(_SPECIAL) + "*")), 0
    for _ in range(SCANNED // BLOCK):
        cursor, page = client.scan(cursor, match=pattern, count=BLOCK, _type="hash")
        found.update(dict.fromkeys(decode(key).removeprefix(keys.JOB_PREFIX) for key in page))
        if cursor == 0 or len(found) >= MOST:
            break
    return sorted(found)[:MOST]
