"""Finds the job that a person means by an id, whole or as short as lists show it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import redis

from qtui_workers.errors import InvalidInput, NotFound
from qtui_workers.server import keys
from qtui_workers.text import decode, encode, printable, short_id

SHORTEST: Final = 6
"""A beginning of an id with fewer characters is not searched for."""
LISTED: Final = 8
"""Characters of a UUID that lists show, and that choose its job."""
SCANNED: Final = 2_000_000
"""About this many keys are searched for a beginning at most."""
BLOCK: Final = 5_000
MOST: Final = 5
_SPECIAL: Final = str.maketrans({character: f"\\{character}" for character in "*?[]\\^-"})
_HEXADECIMAL: Final = re.compile("[0-9a-f]*", re.IGNORECASE)
_SHORT: Final = re.compile(rf"[0-9a-f]{{{LISTED}}}[0-9a-f-]{{0,27}}", re.IGNORECASE)


def find(client: redis.Redis, text: str) -> str:
    """The id of the job with that id, or of the only one whose id begins with the text.

    Reads the keyspace with SCAN if there is no job of exactly that id. Raises NotFound, in one sentence, if there is no such
    job or more than one.
    """
    if client.exists(encode(keys.job(text)), encode(keys.results(text))):
        return text
    if len(text) < SHORTEST:
        raise _too_short(text, SHORTEST)
    found, _ = _beginning(client, text)
    if len(found) == 1:
        return found[0]
    if found:
        raise _several(text, found)
    raise gone(text)


def gone(text: str) -> NotFound:
    """That there is no job of that id."""
    return NotFound(f"there is no job {printable(text, 100)!r}: it may have expired, or been removed")


def not_chosen(text: str) -> NotFound:
    """That a text which `chosen` was given is no job; where it may be the beginning of an id, and too short, that."""
    return _too_short(text, LISTED) if len(text) < LISTED and _HEXADECIMAL.fullmatch(text) else gone(text)


def _too_short(text: str, shortest: int) -> NotFound:
    return NotFound(
        f"there is no job {printable(text)!r}, and to find one by a beginning it is too short: "
        f"write more characters of the id, at least {shortest}"
    )


def chosen(client: redis.Redis, texts: Sequence[str]) -> tuple[str, ...]:
    """The ids of the jobs that a person chose, each once: a UUID may be as short as lists show it.

    Any other text is an id whole, as are those that no job has: "order-1" never chooses order-12. Raises NotFound if more than
    one job begins like this, InvalidInput if the keys are too many to know.
    """
    short = [text for text in dict.fromkeys(texts) if _SHORT.fullmatch(text)]
    with client.pipeline(transaction=False) as pipe:
        for text in short:
            pipe.exists(encode(keys.job(text)), encode(keys.results(text)))
        exist = pipe.execute() if short else []
    whole = {text: _whole(client, text) for text, exists in zip(short, exist, strict=True) if not exists}
    return tuple(dict.fromkeys(whole.get(text, text) for text in texts))


def _whole(client: redis.Redis, text: str) -> str:
    """The only UUID that begins with a text; the text itself if none does."""
    begin, complete = _beginning(client, text)
    found = [job_id for job_id in begin if short_id(job_id) != job_id]
    if len(found) > 1:
        raise _several(text, found)
    if not complete:
        raise InvalidInput(f"there are too many keys to find the only job that begins with {text!r}: write its whole id")
    return found[0] if found else text


def _several(text: str, found: Sequence[str]) -> NotFound:
    names = ", ".join(printable(job_id, 60) for job_id in found)
    return NotFound(f"more than one job has an id that begins with {printable(text, 100)!r}: {names}")


def _beginning(client: redis.Redis, text: str) -> tuple[list[str], bool]:
    """The ids that begin with a text, at most `MOST`, and whether no key was left unread."""
    found: dict[str, None] = {}
    pattern, cursor = encode(keys.job(text.translate(_SPECIAL) + "*")), 0
    for _ in range(SCANNED // BLOCK):
        cursor, page = client.scan(cursor, match=pattern, count=BLOCK, _type="hash")
        found.update(dict.fromkeys(decode(key).removeprefix(keys.JOB_PREFIX) for key in page))
        if cursor == 0 or len(found) >= MOST:
            break
    return sorted(found)[:MOST], cursor == 0
