"""The formats in which RQ stores values in its hashes and streams, read and written without RQ.

All that is read here is untrusted. No function that reads raises, unpickles, or takes more memory than its bound: a value that
is missing or cannot be read is None, or, where the function says so, the bytes unchanged. Times are seconds since the epoch.
"""

from __future__ import annotations

import math
import zlib
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, Literal

from qtui_workers.text import decode

_LONGEST_TIME: Final = 40
_LONGEST_NUMBER: Final = 40
_COUNT_DIGITS: Final = 9
_TINY: Final = 128
"""Up to so many bytes, deflate saves a tenth at most, and takes four times as long as to store them."""
_SMALL: Final = 2_048
"""Up to so many bytes, a window of 1 KiB compresses as well as the usual 32 KiB, in a fraction of the time."""

_MOST_OF_ONE: Final = 1_032
"""So many bytes at most become one in a zlib stream."""


def parse_datetime(raw: bytes | str | None) -> datetime | None:
    """A time as RQ writes it (`rq.utils.utcformat`): `2026-01-31T23:59:00.000000Z`, in older versions without the fraction.

    Any other time in ISO 8601 is read too; one without a zone is in UTC. The result is in UTC.
    """
    if not raw or len(raw) > _LONGEST_TIME:
        return None
    try:
        moment = datetime.fromisoformat(raw if isinstance(raw, str) else raw.decode("ascii"))
        if moment.tzinfo is UTC:  # what RQ writes: `astimezone` would take a third of the time of all of this
            return moment
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def parse_time(raw: bytes | str | None) -> float | None:
    """The same in seconds since the epoch."""
    moment = parse_datetime(raw)
    return None if moment is None else moment.timestamp()


def format_time(at: float) -> str:
    """Seconds since the epoch as `rq.utils.utcformat` writes them; ValueError or OverflowError outside the years 1 to 9999."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def parse_number(raw: bytes | str | None) -> float | None:
    """A finite number."""
    try:
        number = float(raw) if raw and len(raw) <= _LONGEST_NUMBER else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def parse_int(raw: bytes | str | None) -> int | None:
    """A whole number, of either sign."""
    try:
        return int(raw) if raw and len(raw) <= _LONGEST_NUMBER else None
    except ValueError:
        return None


def parse_count(raw: bytes | str | None) -> int | None:
    """A whole number from 0 up to 999,999,999, in plain digits."""
    return int(raw) if raw and len(raw) <= _COUNT_DIGITS and raw.isascii() and raw.isdigit() else None


def names_under(prefix: str, members: Iterable[bytes | str]) -> tuple[str, ...]:
    """The sorted names in a set of keys that begin with the prefix, such as `keys.QUEUES`; other members are left out."""
    found = (decode(member) for member in members)
    return tuple(sorted(key.removeprefix(prefix) for key in found if key.startswith(prefix)))


Missing = Literal["beyond the limit", "not stored"]


def decompress(raw: bytes, limit: int) -> tuple[bytes, Missing | None]:
    """At most `limit` bytes of what zlib has compressed, and why that is not all of it (None: it is all).

    For a stream that was cut, its first part is returned; bytes that zlib did not write are returned unchanged, as RQ accepts
    them too (`rq.job.Job.restore`).
    """
    if raw and raw[0] & 0x0F == 8 and len(raw) * _MOST_OF_ONE < limit:  # at once, which takes a fraction of the time
        try:
            return zlib.decompress(raw), None
        except zlib.error:
            pass
    if _is_zlib(raw[:2]):
        stream = zlib.decompressobj()
        try:
            data = stream.decompress(raw, limit)
        except zlib.error:
            pass
        else:
            if stream.eof:
                return data, None
            return data, "beyond the limit" if len(data) == limit else "not stored"
    return raw[:limit], "beyond the limit" if len(raw) > limit else None


def _is_zlib(head: bytes) -> bool:
    """Whether these two bytes may begin a zlib stream (RFC 1950): deflate and its window, flags that make a multiple of 31."""
    return len(head) == 2 and head[0] & 0x0F == 8 and head[0] <= 0x78 and int.from_bytes(head) % 31 == 0


def compress(data: bytes) -> bytes:
    """Bytes as `rq.job.Job.to_dict` compresses the `data` of a job, for any zlib to read."""
    if len(data) <= _TINY:
        return zlib.compress(data, 0)
    if len(data) > _SMALL:
        return zlib.compress(data)
    stream = zlib.compressobj(wbits=10, memLevel=1)
    return stream.compress(data) + stream.flush()


def parse_result(raw: bytes | None) -> bytes | None:
    """The serialized return value of a job, from the field `return_value` of a result (`rq.results.Result.serialize`).

    For a value that was cut, its first part is returned; bytes that are not base64 are returned unchanged.
    """
    if not raw:
        return None
    try:
        return a2b_base64(raw[: len(raw) // 4 * 4])
    except ValueError:
        return raw


def format_result(serialized: bytes) -> bytes:
    """The serialized return value of a job as the field `return_value` of a result."""
    return b2a_base64(serialized, newline=False)


def parse_traceback(raw: bytes | None, limit: int) -> str | None:
    """At most `limit` bytes of the traceback in the field `exc_string` of a result (`rq.results.Result.serialize`), as text.

    For a traceback that was cut, its first part is returned; bytes that are not base64 of zlib are read as text.
    """
    if not raw:
        return None
    try:
        stored = a2b_base64(raw[: len(raw) // 4 * 4])
        text = zlib.decompressobj().decompress(stored, limit)
    except (ValueError, zlib.error):
        text = raw[:limit]
    return decode(text)


def format_traceback(text: str) -> bytes:
    """A traceback as the field `exc_string` of a result; characters that UTF-8 cannot write become "?"."""
    return b2a_base64(zlib.compress(text.encode("utf-8", "replace")), newline=False)
