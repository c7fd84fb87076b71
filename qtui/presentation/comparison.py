"""The attempts of a job beside each other, and what differs between them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from qtui.broker.one_job.attempts import KnownAttempt
from qtui.broker.search.fingerprint import fold
from qtui.broker.status import Tone
from qtui.presentation import axis, formatting
from qtui.presentation.cells import Pieces
from qtui_workers.reporting.error_lines import frames
from qtui_workers.text import printable

NAMES: Final = 11
"""Cells for the names of the facts."""
GAP: Final = 2
NARROW: Final = 46
"""Cells of a line from which two attempts have room."""
COLUMN: Final = 34
"""Cells of a column from which there is room for one more."""
DIFFERS: Final = "≠ "
MUCH: Final = 2
"""A figure differs where it is so many times the other."""
ERROR_LINES: Final = 6
TRACE_LINES: Final = 40
"""Of a traceback at most so many of its last lines are compared."""
LONGEST: Final = 400
NOT_KEPT: Final = f"{formatting.UNKNOWN} RQ keeps none of it"

_FRAME: Final = re.compile(r'\s+File "(.*)", line (\d+)(?:, in (.*))?$')
_CARETS: Final = re.compile(r"^[\s|]*[~^]+\s*$")

Line = Pieces


class Fact(NamedTuple):
    """One line of the comparison."""

    name: str
    text: Callable[[KnownAttempt, float], str]
    value: Callable[[KnownAttempt, float], float | str | None]
    """What is compared: texts differ where they are not the same, figures where one is `MUCH` times the other."""
    tone: Callable[[KnownAttempt], Tone | None] = lambda _: None
    lines: int = 1


def _error(each: KnownAttempt, _: float) -> str:
    return each.error or formatting.UNKNOWN


def _cause(each: KnownAttempt, _: float) -> str | None:
    return each.error and fold(each.error)


def _how(each: KnownAttempt) -> str:
    word, glyph, _ = axis.ending(each)
    return f"{glyph} {word}"


FACTS: Final = (
    Fact("how", lambda each, _: _how(each), lambda each, _: each.outcome, lambda each: axis.ending(each)[2]),
    Fact("began", lambda each, _: formatting.date_time(each.began), lambda *_: None),
    Fact("waited", lambda each, _: formatting.duration(each.waited), lambda *_: None),
    Fact("ran", lambda each, now: formatting.duration(each.ran(now)), lambda each, now: each.ran(now)),
    Fact("worker", lambda each, _: each.worker or formatting.UNKNOWN, lambda each, _: each.worker),
    Fact("peak memory", lambda each, _: formatting.size(each.peak_memory_bytes), lambda each, _: each.peak_memory_bytes),
    Fact("processor", lambda each, _: formatting.duration(each.cpu_seconds), lambda each, _: each.cpu_seconds),
    Fact("error", _error, _cause, lambda _: "bad", ERROR_LINES),
)


def title(each: KnownAttempt) -> str:
    """Which attempt it is."""
    return "attempt" if each.number is None else f"attempt {each.number}"


def beside(number: int, width: int) -> int:
    """How many of so many attempts stand beside each other."""
    fit = max(2 if width >= NARROW else 1, (width - NAMES) // (COLUMN + GAP))
    return max(1, min(number, fit))


def lines(tried: Sequence[KnownAttempt], first: int, now: float, width: int) -> list[Line]:
    """The attempts from number `first` on that fit, a column for each; what differs from the attempt before it has a sign."""
    count = beside(len(tried), width)
    shown = range(first, min(len(tried), first + count))
    room = max(1, (width - NAMES - GAP * count) // count)
    found = [_heads(tried, shown, room)]
    for fact in FACTS:
        found += _fact(fact, tried, shown, now, room)
    return [*found, *_traces(tried, shown, room)]


def _heads(tried: Sequence[KnownAttempt], shown: range, room: int) -> Line:
    before = f"‹ {shown.start} more" if shown.start else ""
    line: list[tuple[str, Tone | None]] = [(formatting.pad(before, NAMES), "muted")]
    for place in shown:
        after = len(tried) - shown.stop if place == shown[-1] else 0
        more = f" {after} more ›" if after else ""
        name = formatting.pad(title(tried[place]), max(1, room - len(DIFFERS) - len(more)))
        line += [(" " * (GAP + len(DIFFERS)), None), (name, "busy"), (more, "muted")]
    return line


def _fact(fact: Fact, tried: Sequence[KnownAttempt], shown: range, now: float, room: int) -> Iterator[Line]:
    columns = []
    for place in shown:
        other = bool(place) and differs(fact.value(tried[place - 1], now), fact.value(tried[place], now))
        text = printable(fact.text(tried[place], now), LONGEST)
        columns.append((_wrapped(text, room - len(DIFFERS), fact.lines), other, fact.tone(tried[place])))
    for number in range(max(len(texts) for texts, _, _ in columns)):
        line: list[tuple[str, Tone | None]] = [(formatting.pad("" if number else fact.name, NAMES), "muted")]
        for texts, other, tone in columns:
            text = texts[number] if number < len(texts) else ""
            line += _cell(text, room, other=other and not number, tone=tone if text != formatting.UNKNOWN else "muted")
        yield line


def differs(one: float | str | None, other: float | str | None) -> bool:
    """Whether two values differ so much that it is worth a look; what is not known differs from nothing."""
    if one is None or other is None:
        return False
    if isinstance(one, str) or isinstance(other, str):
        return one != other
    low, high = sorted((one, other))
    return high >= MUCH * low and high - low >= 0.1


def _cell(text: str, room: int, *, other: bool, tone: Tone | None) -> Line:
    sign = DIFFERS if other else " " * len(DIFFERS)
    return [(" " * GAP, None), (sign, "warn"), (formatting.pad(text, max(1, room - len(DIFFERS))), tone)]


def _wrapped(text: str, room: int, most: int) -> list[str]:
    if most == 1 or formatting.cells(text) <= room:
        return [text]
    found = textwrap.wrap(text, max(1, room)) or [""]
    return found if len(found) <= most else [*found[: most - 1], f"{found[most - 1]}…"]


def _traces(tried: Sequence[KnownAttempt], shown: range, room: int) -> Iterator[Line]:
    """The ends of the tracebacks: their last frames meet in one line, and the errors begin in the next."""
    parts = {place: trace(tried[place]) for place in (shown.start - 1, *shown) if place >= 0}
    name = "traceback"
    for part, number in ((0, -1), (1, 1)):
        columns = {place: found[part][::number] for place, found in parts.items()}
        height = max((len(columns[place]) for place in shown), default=0)
        for row in range(height)[::number]:
            line: list[tuple[str, Tone | None]] = [(formatting.pad(name, NAMES), "muted")]
            for place in shown:
                texts = columns[place]
                text = texts[row] if row < len(texts) else ""
                if name and not any(parts[place]):
                    text = formatting.UNKNOWN if tried[place].outcome in ("ok", "runs") else NOT_KEPT
                line += _cell(
                    text,
                    room,
                    other=_is_other(row, texts, columns.get(place - 1), fold if part else str),
                    tone=_tone(part, parts[place]),
                )
            yield line
            name = ""


def _is_other(row: int, texts: Sequence[str], before: Sequence[str] | None, what: Callable[[str], str]) -> bool:
    if not texts or not before or row >= len(texts):
        return False
    return row >= len(before) or what(texts[row]) != what(before[row])


def _tone(part: int, trace: tuple[list[str], list[str]]) -> Tone | None:
    if not any(trace):
        return "muted"
    return "bad" if part else None


def trace(each: KnownAttempt) -> tuple[list[str], list[str]]:
    """The last frames of a traceback, shortened to what tells them apart, and the lines of what was raised."""
    whole = (each.traceback or "").strip("\n").splitlines()
    end = frames(whole) if whole else 0
    code = [line for line in whole[:end] if not _CARETS.match(line)][-TRACE_LINES:]
    return [printable(_shortened(line), LONGEST) for line in code], [
        printable(line, LONGEST) for line in whole[end:][:ERROR_LINES]
    ]


def _shortened(line: str) -> str:
    frame = _FRAME.match(line)
    if not frame:
        return f"   {line.lstrip()}" if line.startswith("    ") else line
    file = re.split(r"[/\\]", frame[1])[-1]
    return f" {file}:{frame[2]}{f' {frame[3]}' if frame[3] else ''}"
