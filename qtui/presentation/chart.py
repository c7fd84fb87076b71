"""Bars over time in lines of text, one band for each series, all in the same scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from qtui.broker.status import Tone
from qtui.presentation import formatting
from qtui_workers.records import Record

LEFT: Final = 10
"""Cells at the left for the names."""
_EIGHTHS: Final = " ▁▂▃▄▅▆▇█"

Line = list[tuple[str, Tone | None]]


class Series(Record):
    """Rates in spans of equal length, the newest last; None where not known."""

    name: str
    tone: Tone
    rates: Sequence[float | None]
    """How many a second."""
    now: float | None = None
    """The present rate, which is shown below the name; it may be above all bars, as it is of a shorter time."""

    @property
    def note(self) -> str:
        """What stands below the name."""
        return "" if self.now is None else f"{formatting.rate(self.now)}/s"


def bars(series: Sequence[Series]) -> int:
    """How many spans of time there are."""
    return max((len(each.rates) for each in series), default=0)


def title(series: Sequence[Series], span: float) -> str:
    """What stands above the bands, whose spans are so many seconds long: "last 10 minutes · full height 4.2/s"."""
    top = _top(series)
    scale = f" · full height {formatting.rate(top)}/s" if top else ""
    return f"last {span * bars(series) / 60:.0f} minutes{scale}" if bars(series) else ""


def drawn(series: Sequence[Series], span: float, width: int, height: int) -> list[Line]:
    """The bands in at most `height` lines, and below them the time; nothing where there is too little space."""
    number, room = bars(series), width - LEFT
    if not number or room < number:
        return []
    rows, top = max(1, (height - 1) // len(series)), _top(series)
    lines = [line for each in series for line in _band(each, rows, room, top)]
    lines.append([(" " * LEFT + _axis(room, span * number), "muted")])
    return lines[:height]


def _top(series: Sequence[Series]) -> float:
    return max((rate for each in series for rate in (*each.rates, each.now) if rate), default=0.0)


def _band(series: Series, rows: int, room: int, top: float) -> list[Line]:
    number = len(series.rates)
    heights = [_height(series.rates[cell * number // room], top, rows) for cell in range(room)]
    lines: list[Line] = []
    for row in range(rows):
        base = (rows - 1 - row) * 8
        blocks = "".join(_EIGHTHS[min(8, max(0, height - base))] for height in heights)
        name = series.name if row == 0 else series.note if row == 1 else ""
        lines.append([(formatting.pad(f" {name}", LEFT), "muted" if row else None), (blocks, series.tone)])
    return lines


def _height(rate: float | None, top: float, rows: int) -> int:
    """In eighths of a row: 0 where not known, 1 where nothing moved, more where something did."""
    if rate is None:
        return 0
    return max(2, round(rate / top * rows * 8)) if rate and top else 1


def _axis(width: int, seconds: float) -> str:
    """The time below the bars: "10m ago … 5m ago … now"."""
    first, middle, last = f"{formatting.age(seconds)} ago", f"{formatting.age(seconds / 2)} ago", "now"
    left = formatting.pad(first, width // 2 - len(middle) // 2)
    return left + middle + formatting.pad(last, width - len(left) - len(middle), right=True)
