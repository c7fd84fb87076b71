"""Numbers and times as text for people; an unknown value is "–", never 0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from qtui_workers.text import printable
from qtui_workers.text import short_id as short_id
from qtui_workers.text import size as size_of

if TYPE_CHECKING:
    from qtui.broker.models import Progress

UNKNOWN: Final = "–"
_NARROW: Final = frozenset(filter(str.isprintable, map(chr, range(0x300)))) | frozenset("–…●▌‖⚠✗✓▲▸■◷⋯◇◑⊘○↻✱→")
"""Characters that take one cell: Latin ones, and glyphs of ours that are in many lines."""
_SPARKS: Final = "▁▂▃▄▅▆▇█"
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_SEPARATORS: Final = str.maketrans("", "", ",. '_")


def _known(number: float | None) -> bool:
    return number is not None and math.isfinite(number)


def count(number: int | None) -> str:
    """A whole number with thousands separators: "12,431"."""
    return UNKNOWN if number is None else f"{number:,}"


def is_count(text: str, number: int) -> bool:
    """Whether a person typed this number, with or without separators: "12,431", "12431", "12 431"."""
    return text.strip().translate(_SEPARATORS) == str(number)


def is_of_count(character: str) -> bool:
    """Whether a character may be part of a typed number: a digit, or a separator of its groups."""
    return character.isascii() and (character.isdigit() or ord(character) in _SEPARATORS)


def _parts(seconds: float) -> list[str]:
    """The largest unit that fits and the one below it: ["2h", "10m"]; a unit that is 0 is left out."""
    rest = int(seconds)
    first = next((i for i, (_, length) in enumerate(_UNITS) if rest >= length), len(_UNITS) - 1)
    parts: list[str] = []
    for name, length in _UNITS[first : first + 2]:
        number, rest = divmod(rest, length)
        if number or not parts:
            parts.append(f"{number}{name}")
    return parts


def age(seconds: float | None) -> str:
    """A time span in at most two units: "41s", "12m 3s", "2h 10m", "3d 4h"."""
    if seconds is None or not _known(seconds):
        return UNKNOWN
    return " ".join(_parts(max(0.0, seconds)))


def about(seconds: float | None) -> str:
    """A time span in one unit: "41s", "12m", "2h", "3d"."""
    return age(seconds).partition(" ")[0]


def duration(seconds: float | None) -> str:
    """How long something took, with more digits if it was short: "4 ms", "0.2 s", "30.0 s", "12m 3s"."""
    if seconds is None or not _known(seconds):
        return UNKNOWN
    span = max(0.0, seconds)
    if 0 < span < 0.001:
        return "<1 ms"
    if span < 0.0995:
        return f"{span * 1000:.0f} ms"
    return f"{span:.1f} s" if span < 59.95 else age(round(span))


def ago(at: float | None, now: float) -> str:
    """How far a time is from now, in one unit: "3m ago", "now", "in 3m"."""
    if at is None or not _known(at):
        return UNKNOWN
    if abs(now - at) < 1:
        return "now"
    distance = _parts(abs(now - at))[0]
    return f"{distance} ago" if at < now else f"in {distance}"


def until(at: float | None, now: float) -> str:
    """How far a due time is from now: "in 3m", "now", "3m late"."""
    return ago(at, now).replace(" ago", " late")


class Times:
    """How times are shown, in the whole program."""

    local = False
    """In the time zone of this machine, as the config file may say, else in UTC."""


def zone(at: float | None) -> str:
    """The time zone in which a time is shown: "UTC", "CET"."""
    return _moment(at, "%Z") if Times.local else "UTC"


def _moment(at: float | None, pattern: str) -> str:
    if at is None or not _known(at):
        return UNKNOWN
    try:
        moment = datetime.fromtimestamp(at, UTC)
        return (moment.astimezone() if Times.local else moment).strftime(pattern)
    except (OverflowError, OSError, ValueError):  # a year that datetime cannot represent
        return UNKNOWN


def clock(at: float | None, *, millis: bool = False) -> str:
    """Seconds since the epoch as the time of day: "12:04:31", with `millis` "12:04:31.120"."""
    text = _moment(at, "%H:%M:%S.%f" if millis else "%H:%M:%S")
    return text[:-3] if millis and text != UNKNOWN else text


def date_time(at: float | None) -> str:
    """Seconds since the epoch as date and time: "2026-11-22 12:04:31"."""
    return _moment(at, "%Y-%m-%d %H:%M:%S")


def moment(at: float | None) -> str:
    """The same with the time zone: "2026-11-22 12:04:31 UTC"."""
    return f"{date_time(at)} {zone(at)}"


def size(number: int | None) -> str:
    """Bytes in powers of 1,024: "812 B", "3.1 GiB"."""
    return UNKNOWN if number is None else size_of(number)


def how_far(done: int, total: int, seconds: float) -> str:
    """How far something is after so many seconds: "████░░  12,340 of 44,000"; where it takes long, its rate and the time left."""
    line = f"{bar(done / total if total else None, 24)}  {count(done)} of {count(total)}"
    if seconds < 1 or not 0 < done < total:
        return line
    return f"{line}  {count(round(done / seconds))}/s  {age((total - done) * seconds / done)} left"


def rate(per_second: float | None) -> str:
    """Events a second: "0.0", "<0.1", "40.1", "1,204"."""
    if per_second is None or not _known(per_second):
        return UNKNOWN
    if 0 < per_second < 0.05:
        return "<0.1"
    return f"{per_second:.1f}" if per_second < 99.95 else f"{per_second:,.0f}"


def percent(fraction: float | None) -> str:
    """A fraction as "62 %"; 100 % only when it is whole."""
    if fraction is None or not _known(fraction):
        return UNKNOWN
    return f"{math.floor(min(1.0, max(0.0, fraction)) * 100 + 1e-9)} %"


def shares(numbers: Sequence[int], whole: int) -> list[str]:
    """The share of each number in the whole as "62 %", which add up to 100 with those that are "<1 %"."""
    parts = [number * 100 // whole for number in numbers]
    if sum(numbers) == whole:
        seen = (place for place, part in enumerate(parts) if part)
        for place in sorted(seen, key=lambda place: -(numbers[place] * 100 % whole))[: 100 - sum(parts)]:
            parts[place] += 1
    return [_share(part, number, whole) for part, number in zip(parts, numbers, strict=True)]


def _share(part: int, number: int, whole: int) -> str:
    if part == 0 < number:
        return "<1 %"
    return ">99 %" if part == 100 and number < whole else f"{part} %"


def spark(values: Sequence[float | None], width: int) -> str:
    """The newest `width` values as blocks, the newest at the right; always `width` cells.

    The highest one fills its cell; anything above 0 is higher than 0; an unknown value is a blank.
    """
    newest = values[-width:] if width > 0 else ()
    top = max((value for value in newest if value is not None and _known(value)), default=0.0)
    return "".join(_spark(value, top) for value in newest).rjust(max(0, width))


def _spark(value: float | None, top: float) -> str:
    if value is None or not _known(value):
        return " "
    if value <= 0 or top <= 0:
        return _SPARKS[0]
    return _SPARKS[max(1, min(7, round(value / top * 7)))]


def bar(fraction: float | None, width: int) -> str:
    """A bar of `width` cells filled in eighths of a cell: "███▌░░"; full only when the fraction is 1."""
    if fraction is None or not _known(fraction):
        return UNKNOWN.ljust(width)[:width]
    eighths = int(min(1.0, max(0.0, fraction)) * width * 8 + 1e-9)
    whole, part = divmod(eighths, 8)
    return ("█" * whole + (_EIGHTHS[part] if part else "")).ljust(width, "░")


def short_function(function: str | None) -> str:
    """The last two parts of a dotted name: "charge.refund" of "shop.tasks.charge.refund"."""
    return ".".join(function.split(".")[-2:]) if function else UNKNOWN


def attempts(begun: int | None, allowed: int | None) -> str:
    """Attempts begun, of those allowed: "2/3"; "2" if the number allowed is not known."""
    return count(begun) if begun is None or allowed is None else f"{begun}/{allowed}"


def progress(known: Progress | None, width: int = 16) -> str:
    """Bar, percent and message: "████████░░  62 %  page 31"; if the total is not known, only how much is done."""
    if known is None:
        return UNKNOWN
    share = f"{bar(known.fraction, width)}  {percent(known.fraction):>5}"
    amount = f"{known.done:,g} done" if known.fraction is None else share
    return f"{amount}  {printable(known.message, 200)}".rstrip()


def is_narrow(text: str) -> bool:
    """Whether the text surely takes one cell for each character."""
    return _NARROW.issuperset(text)


def cells(text: str) -> int:
    """How many cells of a terminal the text takes; wide characters take two."""
    if text.isascii() or is_narrow(text):
        return len(text)
    from rich.cells import cell_len  # takes as long to import as all that a short command prints takes to be read

    return cell_len(text)


def pad(text: str, width: int, *, right: bool = False) -> str:
    """The text in exactly `width` cells, aligned to the left or the `right`; an ellipsis marks a cut."""
    space = width - cells(text)
    if space < 0:
        return _cut(text, width - 1) + "…" if width > 0 else ""
    return " " * space + text if right else text + " " * space


def _cut(text: str, width: int) -> str:
    if is_narrow(text):
        return text[:width]
    from rich.cells import set_cell_size

    return set_cell_size(text, width)
