"""The first frame of the dashboard as plain text for a terminal, so that it is there before Textual is even loaded.

It is what `QueuesScreen` shows a moment later, cell by cell: what it says comes from the same functions, and a test holds the
places and colours, which Textual has from style sheets, to each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, Final

from qtui.broker.models import Overview, QueueRow
from qtui.broker.queues.throughput import BUCKET, Throughput
from qtui.broker.status import Status, Tone
from qtui.places import PLACES
from qtui.presentation import bars, chart
from qtui.presentation.bars import Fact, HeaderState, ShownKey
from qtui.presentation.cells import GUTTER, THUMB, Column, Row, gutter, lay_out, line, nothing, thumb, titles
from qtui.presentation.colours import TONES, Palette
from qtui.presentation.formatting import is_narrow, pad
from qtui.presentation.paragraphs import laid_out
from qtui.screens.parts import queue_list
from qtui.screens.parts.queue_columns import QueueColumns, cause_columns, worker_columns
from qtui.screens.parts.queue_list import USUAL, Order
from qtui_workers.records import Record, replace
from qtui_workers.server.contexts import Colour
from qtui_workers.text import printable

LEAST: Final = (60, 16)
"""Cells and lines; in a smaller terminal parts of the screen give way to others."""
DIM: Final = 0.66
"""The share of its own colour in text that Textual paints dim."""
NARROW, WIDE = 100, 150
"""Cells from which on its parts stand beside each other, and from which on there is a chart among them."""
TINTS: Final[dict[Colour, str]] = {"red": "error", "yellow": "warning", "green": "success", "blue": "primary"}
"""The colours of contexts, as `qtui.tcss` has them: what the first and the last line stand on."""

EDGES: Final = {"qtui-dark": "#f3837d", "qtui-light": "#b2261e", "qtui-16": "#fe5555"}
"""The frame of a screen in red, by the name of the palette: what Textual makes of `$error`, which is not quite that colour."""


class Unfit(Exception):
    """What is to be shown, or where, is out of the ordinary: Textual alone shows it."""


class StyledText(Record):
    """Some text of one look; colours as "#rrggbb"."""

    text: str
    ink: str
    ground: str
    bold: bool = False


Line = list[StyledText]


class FirstFrame:
    """Draws one overview for one palette and one size of the terminal."""

    def __init__(
        self,
        header: HeaderState,
        palette: Palette,
        width: int,
        height: int,
        order: Order = USUAL,
        colour: Colour | None = None,
        here: str = "",
    ) -> None:
        """The header holds the overview; `colour` is that of the context, `here` its options.

        Raises Unfit for a name that may be wider than its characters, or a small terminal.
        """
        if header.overview is None or width < LEAST[0] or height < LEAST[1]:
            raise Unfit
        self._throughput, self._here = Throughput(), here
        self._seen: Overview = self._throughput.feed(header.overview)
        self._header = replace(header, overview=self._seen)
        if not all(map(is_narrow, (header.label, *(row.name for row in self._seen.queues)))):
            raise Unfit
        self._colours = {**palette, **palette["variables"]}
        self._tint = self._muted(TINTS[colour]) if colour else ""
        self._framed = colour == "red" and width >= NARROW
        self._whole_width, self._width = width, width - 2 * self._framed
        self._height, self._order = height, order
        self._rows, self._folded = queue_list.arranged(self._seen, order, None)
        self._first: QueueRow | None = self._rows[0] if self._rows else None

    def lines(self) -> list[Line]:
        """All lines of the screen, each exactly as wide as it is."""
        lines = len(self._rows) + bool(self._folded)
        closer = self._closer() if queue_list.has_closer_look(self._height, lines) else []
        below = [*self._verdict(), *closer, self._footer()]
        above = [self._head(), self._nav(), self._padded([(queue_list.totals(self._seen) + self._order.said, "muted")], cut=True)]
        found = [*above, *self._table(self._height - len(above) - len(below)), *below]
        edge = StyledText("█", EDGES[self._colour("name")], self._colour("background"))
        return [[edge, *each, edge] for each in found] if self._framed else found

    def _colour(self, name: str) -> str:
        found: str = self._colours[name]
        return found

    def _muted(self, name: str) -> str:
        """A quiet variant of a colour, as Textual makes it where the palette has none."""
        return self._colours.get(f"{name}-muted") or blend(self._colour(name), self._colour("background"), 0.7)

    def _ink(self, tone: Tone | None) -> str:
        return self._colour(TONES[tone or "idle"][1:])

    def _runs(self, parts: Iterable[Fact], ground: str, usual: Tone | None = None) -> Line:
        return [StyledText(text, self._ink(tone or usual), ground) for text, tone in parts]

    def _padded(self, parts: Sequence[Fact], ground: str = "", *, cut: bool = False) -> Line:
        """A line with a blank at both ends, on a colour, or on that of the background."""
        colour, room = ground or self._colour("background"), self._width - 2
        if cut:
            parts = [(pad(text, room), tone) for text, tone in parts]
        runs = self._runs([(" ", None), *parts], colour)
        left = self._width - sum(len(run.text) for run in runs)
        return [*runs, StyledText(" " * left, self._ink(None), colour)]

    def _head(self) -> Line:
        return self._padded(bars.header(self._header, self._width - 2), self._tint or self._colour("surface"))

    def _nav(self) -> Line:
        ground, ink = self._colour("panel"), self._ink("muted")
        active = StyledText("", self._ink(None), blend(ground, self._colour("primary"), 0.4), bold=True)
        tight = bars.is_tight(self._width)
        runs = [] if tight else [StyledText(" ", ink, ground)]
        for name, label in bars.labels(self._width, PLACES[0].name):
            text = f"{label} " if tight else f" {label} "
            runs.append(replace(active, text=text) if name == PLACES[0].name else StyledText(text, ink, ground))
        return _fitted(runs, self._width, ground)

    def _table(self, height: int) -> list[Line]:
        columns = QueueColumns(self._throughput.flow)
        foot = queue_list.foot(self._folded)
        return self._listed(columns.of(self._rows), self._rows, queue_list.empty(self._here), foot, self._width, height)

    def _listed(
        self, columns: Sequence[Column[Row]], rows: Sequence[Row], empty: str, foot: str, width: int, height: int, cursor: int = 0
    ) -> list[Line]:
        """A table with its titles; the cursor is on the row of that number."""
        ground, muted = self._colour("background"), self._ink("muted")
        shown, page = lay_out(columns, width - 1 - GUTTER), height - 1
        covered = thumb(0, page, len(rows) + bool(foot))
        found = [
            [StyledText(titles(shown, width - 1), muted, self._colour("surface"), bold=True), StyledText(" ", muted, ground)]
        ]
        for number in range(page):
            if number < len(rows):
                on_cursor = number == cursor
                back = self._colour("primary-muted") if on_cursor else ground
                before = StyledText(gutter(on_cursor=on_cursor), self._colour("text-accent"), back)
                runs = [before, *self._runs(line(shown, rows[number], width - 1 - GUTTER), back)]
            else:
                text = nothing(number, len(rows), empty, foot)
                runs = [StyledText(pad(" " * GUTTER + text, width - 1), muted, ground)]
            edge = StyledText(THUMB if number in covered else " ", self._colour("scrollbar"), ground)
            found.append([*runs, edge])
        return found

    def _verdict(self) -> list[Line]:
        said = queue_list.lines_about(self._first, self._seen, None, self._here)
        width = self._width - 2
        text, step = laid_out([printable(said.text), printable(said.step)], queue_list.VERDICT_LINES, width)
        return [
            self._border(self._width),
            *(self._padded([(line, None)]) for line in text),
            *(self._padded([(line, "busy")]) for line in step),
        ]

    def _border(self, width: int, title: str = "") -> Line:
        """A thin line, with a title in it."""
        ground, ink = self._colour("background"), self._colour("panel")
        named = [StyledText(pad(title, min(len(title), width - 2)), self._colour("text-accent"), ground)] if title else []
        before = StyledText("─" if named else "", ink, ground)
        return [before, *named, StyledText("─" * (width - len(before.text) - sum(len(run.text) for run in named)), ink, ground)]

    def _closer(self) -> list[Line]:
        """What will be known of the queue under the cursor: so far its titles, and the chart."""
        row = self._first
        height = queue_list.closer_height(self._height)
        causes = queue_list.causes_title(row), cause_columns(lambda _: "new", lambda: 0.0), queue_list.NO_CAUSES
        workers = queue_list.workers_title(None), worker_columns(lambda: "", lambda: 0.0), queue_list.NO_WORKERS
        parts_of: tuple[tuple[str, Sequence[Column[Any]], str], ...] = (causes, workers)
        waits = row is not None and row.count(Status.FAILED) > 0, row is not None

        def part(number: int, width: int, height: int) -> list[Line]:
            title, columns, empty = parts_of[number]
            empty = "…" if waits[number] else empty
            return [self._border(width, title), *self._listed(columns, (), empty, "", width, height - 1)]

        def stacked(width: int) -> list[Line]:
            return [*part(0, width, height // 2), *part(1, width, height - height // 2)]

        if self._whole_width < NARROW:
            return stacked(self._width)
        if self._whole_width < WIDE:
            known = self._width * 4 // 7
            return beside(stacked(known), self._chart(self._width - known, height))
        known = self._width * 7 // 10
        causes_width = known * 4 // 7
        parts = part(0, causes_width, height), part(1, known - causes_width, height)
        return beside(*parts, self._chart(self._width - known, height))

    def _chart(self, width: int, height: int) -> list[Line]:
        ground = self._colour("background")
        row = self._first
        series = queue_list.series(row, self._throughput.flow(row.name)) if row else ()
        drawn = chart.drawn(series, BUCKET, width - 2, height - 1)
        lines = [_fitted([StyledText(" ", self._ink(None), ground), *self._runs(each, ground)], width, ground) for each in drawn]
        blank = [[StyledText(" " * width, self._ink(None), ground)]] * (height - 1 - len(lines))
        return [self._border(width, chart.title(series, BUCKET)), *lines, *blank]

    def _footer(self) -> Line:
        ground = self._tint or self._colour("panel")
        key_ink, ink = self._colour("footer-key-foreground"), self._colour("footer-description-foreground")
        runs: Line = []
        for key in self._keys():
            share = DIM if self._header.read_only and key in (bars.PAUSE, bars.RESUME) else 1.0
            runs += [StyledText(" " if runs else "", ink, ground)]
            runs += [StyledText(key.key_display or key.key, blend(ground, key_ink, share), ground, bold=True)]
            runs += [StyledText(f" {key.description}", blend(ground, ink, share), ground)]
        return _fitted(runs, self._width, ground)

    def _keys(self) -> tuple[ShownKey, ...]:
        paused = self._first is not None and self._first.paused
        return bars.OPEN, bars.SORT, bars.IDLE, bars.RESUME if paused else bars.PAUSE, bars.HELP, bars.QUIT


def _fitted(runs: Sequence[StyledText], width: int, ground: str) -> Line:
    """The runs in exactly `width` cells."""
    found, left = [], width
    for run in runs:
        found.append(replace(run, text=run.text[:left]))
        left -= len(found[-1].text)
    return [*found, StyledText(" " * left, "#ffffff", ground)]


def beside(*parts: Sequence[Line]) -> list[Line]:
    """Parts of as many lines, side by side."""
    return [[run for some in lines for run in some] for lines in zip(*parts, strict=True)]


def blend(one: str, other: str, share: float) -> str:
    """The first colour with that share of the other one laid over it."""
    pairs = zip(_numbers(one), _numbers(other), strict=True)
    return "#" + "".join(f"{int(a + (b - a) * share):02x}" for a, b in pairs)


def _numbers(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def encoded(lines: Sequence[Line], *, true_colours: bool) -> str:
    """What a terminal has to be sent to show the lines from its upper left corner on; without `true_colours` in 256 colours."""
    colour = _true if true_colours else of_256
    found = [f"\x1b[{number};1H{''.join(_run(run, colour) for run in each)}" for number, each in enumerate(lines, 1)]
    return "".join(found) + "\x1b[0m"


def _run(run: StyledText, colour: Callable[[str], str]) -> str:
    marks = "1;" if run.bold else ""
    return f"\x1b[0;{marks}38;{colour(run.ink)};48;{colour(run.ground)}m{run.text}" if run.text else ""


@cache
def _true(colour: str) -> str:
    return "2;" + ";".join(map(str, _numbers(colour)))


@cache
def of_256(colour: str) -> str:
    """The nearest of 256 colours, by the rule of Rich, which paints for Textual."""
    numbers = _numbers(colour)
    least, most = min(numbers) / 255, max(numbers) / 255
    light, spread = (least + most) / 2, most - least
    saturation = 0.0 if not spread else spread / (most + least if light <= 0.5 else 2.0 - most - least)
    if saturation < 0.15:
        grey = round(light * 25.0)
        return f"5;{16 if grey == 0 else 231 if grey == 25 else 231 + grey}"
    red, green, blue = (round(n / 95 if n < 95 else 1 + (n - 95) / 40) for n in numbers)
    return f"5;{16 + 36 * red + 6 * green + blue}"
