"""The lines of a tail as they come: followed, frozen, scrolled back, filtered, searched, wrapped."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import ClassVar, Final, NamedTuple, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from qtui.broker.tail.lines import LOG, MISSED, NOTE, Line
from qtui.presentation import formatting, tail_text
from qtui.presentation.formatting import pad
from qtui.widgets.following_view import FollowingView
from qtui_workers.text import printable

KEEP: Final = 20_000
"""At most this many lines are kept; the oldest are dropped."""
SECONDS_FROM, MILLIS_FROM = 44, 96
"""Cells from which on the time is shown, and with it its thousandths and the queue."""
WHOLE: Final = frozenset({NOTE, MISSED})
"""The kinds of lines that are always wrapped, as they say what cannot be seen."""
GUTTER: Final = "▌"
"""Before the line that was found."""

ONE: Final = range(1)
LATE: Final = 2.0
"""Seconds by which a line may come after newer ones, as jobs write in batches; clocks that differ by more show no order."""

Test = Callable[[Line], bool]
Item = TypeVar("Item")


class _Row(NamedTuple):
    """What one line of the screen shows."""

    line: Line
    part: int
    """Which of its parts: it has several where it holds newlines, or is wrapped."""


class StreamView(FollowingView, inherit_bindings=False):
    """A tail. While it is frozen nothing moves: new lines are kept, and counted."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"stream-view--found"}
    DEFAULT_CSS = "StreamView > .stream-view--found { background: $primary-muted; text-style: bold; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        *FollowingView.BINDINGS,
        Binding("enter", "select", "Open", show=False, id="log.select", tooltip="Open the job of the line that was found"),
    ]

    class Changed(Message):
        """More lines are hidden or have come since it is frozen, or it follows, or does not."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, StreamView.Changed)

    class Selected(Message):
        """The line that was found was chosen."""

        def __init__(self, line: Line) -> None:
            super().__init__()
            self.line = line

    def __init__(self, *, empty: str, queue: bool = True, job: bool = True, id: str | None = None) -> None:
        """`queue`, `job`: whether lines can differ in it, so that it is shown."""
        super().__init__(id=id)
        self.empty = empty
        """The text shown when there are no lines."""
        self._with_queue, self._with_job = queue, job
        self._lines: deque[Line] = deque(maxlen=KEEP)
        self._rows: deque[_Row] = deque(maxlen=KEEP)
        self._still: Sequence[_Row] | None = None
        """The rows that are shown while it is frozen."""
        self._fits: Test | None = None
        self._wraps = False
        self._found: Line | None = None
        self.hidden = 0
        """How many lines do not fit the filter."""
        self.newer = 0
        """How many lines have come since it is frozen, or does not follow."""

    # Lines

    def extend(self, lines: Sequence[Line]) -> None:
        """Add new lines, oldest first; they are painted in a moment. What comes a moment late gets its place by its time."""
        before, hidden, newer = len(self._rows), self.hidden, self.newer
        fits = self._fits
        fitting = lines if fits is None else [line for line in lines if fits(line)]
        new = [_Row(line, part) for line in fitting for part in self._numbers(line)]
        top = self._rows[self.top] if self._still is None and not self.following and self.top < before else None
        _merge(self._lines, lines, _at)
        late = _merge(self._rows, new, _at_row)
        self.hidden += len(lines) - len(fitting)
        if not self.following or self._still is not None:
            self.newer += len(fitting)
        if new and self._still is None:
            above = sum(row.line.at < top.line.at for row in new) if top and self.top >= before - late else 0
            self.added(len(new), before + len(new) - len(self._rows) - above)
        if (hidden, newer) != (self.hidden, self.newer):
            self.post_message(self.Changed())

    def _numbers(self, line: Line) -> range:
        """The parts of a line."""
        is_one = not self._wraps and "\n" not in line.text and line.kind not in WHOLE
        return ONE if is_one else range(len(self._parts(line)))

    @property
    def lines(self) -> list[Line]:
        """All that are kept, whether they fit or not."""
        return list(self._lines)

    def filter(self, fits: Test | None) -> None:
        """Show only lines that fit; None shows all."""
        self._fits = fits
        self._arrange()

    @property
    def wraps(self) -> bool:
        """Whether long lines are wrapped, not cut."""
        return self._wraps

    def wrap(self, wraps: bool) -> None:
        """Wrap long lines, or cut them."""
        self._wraps, self.shift = wraps, 0
        self._arrange()

    @property
    def frozen(self) -> bool:
        """Whether nothing moves."""
        return self._still is not None

    def freeze(self, frozen: bool) -> None:
        """Keep everything where it is; or go on, with the newest line."""
        self._still = tuple(self._rows) if frozen else None
        if not frozen:
            self.newer = 0
            self.following = True
        self.settle()
        self.post_message(self.Changed())

    def say_where_empty(self, text: str) -> None:
        """The text shown when there are no lines."""
        if text != self.empty:
            self.empty = text
            if not self._view:
                self.repaint()

    def shown(self) -> list[Line]:
        """The lines that fit, oldest first."""
        return [row.line for row in self._view if row.part == 0]

    @property
    def _view(self) -> Sequence[_Row]:
        return self._rows if self._still is None else self._still

    @property
    def line_count(self) -> int:
        return len(self._view)

    def _arrange(self) -> None:
        """Make the rows anew, of all lines; the line at the top, or the newest, stays in view."""
        anchor = None if self.following or not self._view else self._view[min(self.top, len(self._view) - 1)].line
        fits = self._fits
        fitting = [line for line in self._lines if fits is None or fits(line)]
        self.hidden = len(self._lines) - len(fitting)
        self._rows = deque((_Row(line, part) for line in fitting for part in self._numbers(line)), maxlen=KEEP)
        if self._still is not None:
            self._still = tuple(self._rows)
        self.settle()
        if anchor is not None:
            self.look_at(next((place for place, row in enumerate(self._view) if row.line.at >= anchor.at), self.max_scroll_y))
        self.post_message(self.Changed())

    def watch_following(self, following: bool) -> None:
        if following:
            self.newer = 0
        super().watch_following(following)
        self.post_message(self.Changed())

    def on_resize(self) -> None:
        self._arrange()

    # Finding

    def find(self, wanted: Test, step: int) -> bool:
        """Go to the next line that is wanted, or the previous one (-1); whether there is one."""
        rows = list(self._view)
        place = next((place for place in self._from(rows, step) if rows[place].part == 0 and wanted(rows[place].line)), None)
        if place is None:
            return False
        self._found = rows[place].line
        self.look_at(place - self.page // 2)
        self.repaint()
        return True

    def _from(self, rows: Sequence[_Row], step: int) -> Iterator[int]:
        """The places after, or before, the line that was found last, or the newest in view."""
        found = next((place for place, row in enumerate(rows) if row.line is self._found), None)
        if step > 0:
            yield from range((self.top - 1 if found is None else found) + 1, len(rows))
        else:
            yield from range((min(len(rows), self.top + self.page) if found is None else found) - 1, -1, -1)

    def forget_found(self) -> None:
        """No line is marked any more."""
        self._found = None
        self.repaint()

    def action_select(self) -> None:
        if self._found is not None and self._found.job:
            self.post_message(self.Selected(self._found))

    # Drawing

    def _parts(self, line: Line) -> list[str]:
        text = tail_text.text(line)
        parts = text.split("\n") if line.kind == LOG else [text]
        if not self._wraps and line.kind not in WHOLE:
            return parts
        room = max(8, self.size.width - 1 - self._indent)
        return [piece for part in parts for piece in _wrapped(part, room)]

    @property
    def _indent(self) -> int:
        """Cells before the text."""
        return sum(width + 1 for width in self._widths) + 1

    @property
    def _widths(self) -> list[int]:
        """Cells of the time, the word, the queue and the job; 0 for none."""
        width = self.size.width
        time = 12 if width >= MILLIS_FROM else 8 if width >= SECONDS_FROM else 0
        queue = tail_text.QUEUE if self._with_queue and width >= MILLIS_FROM else 0
        return [time, tail_text.WORD, queue, tail_text.JOB if self._with_job else 0]

    def draw(self, y: int, width: int) -> Strip:
        base, number, rows = self.base_style, self.top + y, self._view
        if number >= len(rows):
            said = self.empty.split("\n")[y : y + 1] if not rows else []
            return Strip([Segment(pad("".join(said), width), base + self.tones["muted"])], width)
        line, part = rows[number]
        is_found = line is self._found
        if is_found:
            base = base + self.style("stream-view--found")
        tone = tail_text.tone(line)
        word, muted = base + self.tones[tone] if tone else base, base + self.tones["muted"]
        parts = self._parts(line)
        text = parts[part] if part < len(parts) else ""
        if self.shift:
            text = Strip([Segment(text)]).crop(self.shift).text
        loud = tone in ("bad", "warn") and (line.kind == LOG or not line.job)
        segments = [Segment(GUTTER if is_found else " ", word), *self._head(line, part, word, muted)]
        room = width - sum(len(segment.text) for segment in segments)
        segments.append(Segment(pad(text, max(0, room)), word if loud else base))
        return Strip(segments).adjust_cell_length(width, base)

    def _head(self, line: Line, part: int, word: Style, muted: Style) -> Iterator[Segment]:
        time, what, queue, job = self._widths
        texts = ("", "", "", "")
        if part == 0:
            at = formatting.clock(line.at, millis=time > 8)
            name = formatting.short_id(printable(line.job or "", 100))
            texts = (at, tail_text.word(line), printable(line.queue or "", 100), name)
        for text, width, style in zip(texts, (time, what, queue, job), (muted, word, muted, muted), strict=True):
            if width:
                yield Segment(pad(text, width) + " ", style)


def _at(line: Line) -> float:
    return line.at


def _at_row(row: _Row) -> float:
    return row.line.at


def _merge(kept: deque[Item], new: Sequence[Item], at: Callable[[Item], float]) -> int:
    """Add new items, by their time among those of the last moment; how many of these there are."""
    late: list[Item] = []
    first = at(new[0]) if new else inf
    while kept and first < at(kept[-1]) <= first + LATE:
        late.append(kept.pop())
    kept.extend(sorted([*reversed(late), *new], key=at) if late else new)
    return len(late)


def _wrapped(text: str, room: int) -> list[str]:
    """The text in pieces that fit into so many cells."""
    if formatting.cells(text) <= room:
        return [text]
    pieces, piece, cells = [], "", 0
    for character in text:
        wide = formatting.cells(character)
        if cells + wide > room:
            pieces.append(piece)
            piece, cells = "", 0
        piece += character
        cells += wide
    return [*pieces, piece]
