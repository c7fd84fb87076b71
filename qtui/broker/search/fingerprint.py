"""What makes two failures the same: the exception, its message without what differs each time, and where it was raised."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from qtui_workers.reporting.error_lines import LONGEST, error_line

_LONGEST: Final = 300
"""Characters of a message that are compared."""

_FOLDED: Final = (
    (r"https?://[^\s'\"<>]+|[a-z][a-z0-9+.-]*://[^\s'\"<>]+", "<url>"),
    (r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?|\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b", "<time>"),
    (r"\b[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}\b", "<id>"),
    (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", "<email>"),
    (r"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b|\[?\b(?:[0-9a-fA-F]{1,4}:){3,7}[0-9a-fA-F]{0,4}\]?(?::\d+)?", "<ip>"),
    (r"\b0x[0-9a-fA-F]+\b", "<address>"),
    (r"(?<![\w])'(?:[^'\\]|\\.)*'(?!\w)|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|b'(?:[^'\\]|\\.)*'", "<text>"),
    (r"(?<!\w)(?:/[\w.@+-]+){2,}/?", "<path>"),
    (r"\b(?=\w*\d)(?=\w*[A-Za-z])\w{10,}\b", "<id>"),
    (r"(?:(?<!\w)[+-])?\b\d[\d_,]*(?:\.\d+)?(?:e[+-]?\d+)?|(?<=[A-Za-z_])\d+", "<n>"),
)
"""What a message has in it that differs from one failure to the next, in the order in which it is replaced."""
_FOLD: Final = tuple((re.compile(pattern), word) for pattern, word in _FOLDED)

_FRAME: Final = re.compile(r'^[ |]*File "([^"\n]*)", line (\d+), in ([^\n]*)(?:\n[ |]*(?!File ")([^\n]*))?', re.MULTILINE)
_LINKS: Final = (
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
)
_LIBRARY: Final = re.compile(r"site-packages/|dist-packages/|/lib/python\d|(?:^|/)(?:rq|qtui_workers)/|^<")
"""Files that are not the user's own."""
_USUAL: Final = re.compile(r"Traceback \(most recent call last\):\n((?:(?: .*|[^\S\n]*)\n)*+)(\S.*)")
"""Frames, and the first line of what was raised."""
_UNUSUAL: Final = re.compile(r"^[\w.<>]+:[^\S\n]*$|^(?:The above|During handling)|^[ |]*File \"", re.MULTILINE)
"""What follows the frames where there is more than one exception, or where the message is on another line, or has frames."""
_HEXADECIMAL: Final = re.compile(r"\dx")
_DIGITS: Final = str.maketrans("123456789", "0" * 9)
_EXCEPTION: Final = re.compile(r"[\w.]+(?=:|$)")


_Frame = tuple[str, str, str, str]
"""File, line, function and source."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a job failed."""

    fingerprint: str
    """The same for the same cause, in every program and after every deploy that moves no function."""
    exception: str
    """The exception with its module; '' for a text that is no exception."""
    message: str
    """The message with numbers, ids, quoted texts, addresses and times replaced: "gateway did not answer in <n> s"."""
    where: str
    """The last place in the user's own code: "shop/charge.py:41 charge"; '' where there is none."""

    @property
    def headline(self) -> str:
        """What was raised, without the exception's module: "ConnectionError: <ip> refused"."""
        return ": ".join(part for part in (self.exception.rpartition(".")[2], self.message) if part)


UNKNOWN: Final = Cause("unknown", "", "no traceback is kept", "")
"""The cause of a job whose error is not stored."""


def cause(traceback: str | None) -> Cause:
    """The cause of failure that a traceback shows."""
    if traceback is None:
        return UNKNOWN
    simple = _simple(traceback)
    line, place = simple or (error_line(traceback), _place(traceback))
    return UNKNOWN if line is None else _cause(*_parted(line), place)


def _simple(traceback: str) -> tuple[str, _Frame] | None:
    """Line and place of the usual traceback, of one exception: the same as in any other, found in a fraction of the time."""
    found = _USUAL.match(traceback)
    if not found or _UNUSUAL.search(traceback, found.end(1)):
        return None
    return found[2][:LONGEST].strip(), _usual_place(found[1])


@lru_cache(10_000)
def _cause(exception: str, message: str, place: _Frame) -> Cause:
    file, number, function, source = place
    where = f"{_short(file)}:{number} {function}" if file else ""
    # The text of the line instead of its number, which changes whenever lines above it do.
    return Cause(_digest(exception, message, _short(file), function, source), exception, message, where)


def _digest(*parts: str) -> str:
    return blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=6).hexdigest()


def _parted(line: str) -> tuple[str, str]:
    found = _EXCEPTION.match(line)
    exception = found[0] if found and not found[0][0].isdigit() else ""
    return exception, fold(line[len(exception) :].lstrip(": "))


def fold(message: str) -> str:
    """A message without what differs from one failure to the next."""
    text = message[:_LONGEST]
    # No pattern distinguishes one digit from another, but for that of 0x, and none leaves one where all is ASCII.
    return _folded(text.translate(_DIGITS) if text.isascii() and not _HEXADECIMAL.search(text) else text)


@lru_cache(10_000)
def _folded(text: str) -> str:
    for pattern, word in _FOLD:
        text = pattern.sub(word, text)
    return " ".join(text.split())


@lru_cache(500)
def _usual_place(frames: str) -> _Frame:
    return _place(frames)


def _place(traceback: str) -> _Frame:
    """The last frame in the user's code, of the exception that was raised last."""
    newest = max((traceback.rfind(link) for link in _LINKS), default=-1)
    frames: list[_Frame] = _FRAME.findall(traceback, max(newest, 0))
    own = [frame for frame in frames if not _LIBRARY.search(frame[0])]
    return (own or frames or [("", "", "", "")])[-1]


def _short(file: str) -> str:
    """The file and the folder it is in, whatever folder the program is installed in."""
    return "/".join(file.replace("\\", "/").rsplit("/", 2)[-2:]) if file else ""
