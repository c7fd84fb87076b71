"""The line that says what an exception was: what lists, events, log lines and commands show of a traceback."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Final

LONGEST: Final = 500
"""Characters of the line."""
_DEEPEST: Final = 5
"""Groups in groups that are looked into."""
_CHAINED: Final = (
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
)
_HEADS: Final = ("Traceback (most recent call last):", "Exception Group Traceback (most recent call last):")
_GROUP: Final = ("  + Exception Group Traceback ", "  | ")
"""How the text of a group begins."""
_NO_MESSAGE: Final = re.compile(r"[\w.<>]+:")


def error_line(traceback: str | None) -> str | None:
    """What was raised, of a traceback as Python writes it: the first line of `traceback.format_exception_only`.

    For a group its first inner exception follows. Of other texts, such as a worker's own sentence, it is the first line. At
    most 500 characters; not safe to show (`text.printable`). None where there is none, or the text was cut before it.
    """
    lines = _newest((traceback or "").strip("\n").split("\n"))
    depth = int(lines[0].startswith(_GROUP))
    if depth:
        lines[0] = lines[0].replace("+", "|", 1)
    found: list[str] = []
    while lines and len(found) < _DEEPEST:
        own, inner = _parted(lines, depth)
        if line := _exception(own):
            found.append(line)
        depth += 1
        lines = inner
    return ": ".join(found)[:LONGEST].strip() or None


def frames(lines: list[str]) -> int:
    """How many lines of a traceback come before the text of the exception; all of them for a group, which has several."""
    newest = _newest(lines)
    return len(lines) if newest[0].startswith(_GROUP) else len(lines) - len(newest) + _frames(newest)


def _newest(lines: list[str], margin: str = "") -> list[str]:
    """Of exceptions that led to each other, the last one."""
    links = [margin + link for link in _CHAINED]
    place = next((place for place in range(len(lines) - 1, -1, -1) if lines[place] in links), -1)
    after = lines[place + 1 :]
    while len(after) > 1 and not after[0].removeprefix(margin).strip():
        after = after[1:]
    return after or [""]


def _parted(lines: list[str], depth: int) -> tuple[list[str], list[str]]:
    """The lines of one exception without the margin of a group at that depth, and those of its first inner exception."""
    margin = "  " * depth + "| " if depth else ""
    ends = "  " * depth + "+--"
    """How the line begins with which the next exception of the same group begins, or the group ends."""
    newest = _newest(list(takewhile(lambda line: depth < 2 or not line.startswith(ends), lines)), margin)
    own = list(takewhile(lambda line: not depth or line.startswith(margin.rstrip()), newest))
    return [line.removeprefix(margin) for line in own], newest[len(own) + 1 :]


def _exception(lines: list[str]) -> str | None:
    """The first line after the frames; where the message begins with an empty line, the next line with text is added."""
    rest = (line.strip() for line in lines[_frames(lines) :] if line.strip())
    line = next(rest, "")
    return f"{line} {next(rest, '')}".strip() if _NO_MESSAGE.fullmatch(line) else line or None


def _frames(lines: list[str]) -> int:
    head = next((place + 1 for place, line in enumerate(lines) if line in _HEADS), 0)
    return head + sum(1 for _ in takewhile(lambda line: not line.strip() or (head and line.startswith(" ")), lines[head:]))
