"""Only what differs from what the terminal shows is sent to it: far less over a slow line, and nothing where nothing changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.control import Control
from rich.segment import Segment
from textual import events
from textual._compositor import ChopsUpdate, Compositor, CompositorUpdate, LayoutUpdate
from textual._styles_cache import StylesCache
from textual.app import App
from textual.await_remove import AwaitRemove
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from qtui.shared.messages import ViewShown

Run = tuple[int, int, Strip]
"""Cells side by side: the column of the first one, its line, and what is shown there."""


class Repainting(App[None]):
    """An App that knows what its terminal shows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority: also over a dialog, and in a field.
        Binding("ctrl+l", "repaint", "Repaint", show=False, priority=True, id="app.repaint", tooltip="The whole screen, anew"),
    ]

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]  # handed on as they are
        self.painted = Painted()

    def action_repaint(self) -> None:
        """Send the whole screen, as after another program has written to the terminal."""
        self.painted.forget()
        self.screen.refresh()

    def on_resize(self, _: events.Resize) -> None:
        """A terminal that changes its size moves what it shows, also where it has the old size again."""
        self.action_repaint()

    def on_view_shown(self, _: ViewShown) -> None:
        """Let go of what the widgets of closed views have drawn.

        Textual keeps the colours of up to 1,024 widgets in the cache of this method, and with them all that they drew.
        """
        StylesCache.get_inner_outer.cache_clear()

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Send the part of an update that changes anything; under these conditions Textual sends none at all."""
        sends = self._running and not self._closed and not self._batch_count and self._driver is not None
        if sends and not self.is_headless and isinstance(renderable, LayoutUpdate | ChopsUpdate):
            renderable = self.painted.changes(renderable)
        super()._display(screen, renderable)


class Sparing(Compositor):
    """Draws of each widget only the lines that are to be painted, and no widget that has none of them.

    Textual's draws all widgets for every update, also where one cell has changed: what only ticks cost as much as a new screen.
    """

    _wanted: Mapping[int, tuple[int, int]] | None = None
    """The lines of the update that is made now, each with its columns from the first to the one after the last; None: all."""

    def render_partial_update(self) -> ChopsUpdate | None:
        self._wanted = _lines(self._dirty_regions)
        try:
            return super().render_partial_update()
        finally:
            self._wanted = None

    def _get_renders(self, crop: Region | None = None) -> Iterable[tuple[Region, Region, list[Strip]]]:
        if self._wanted is None:
            yield from super()._get_renders(crop)
            return
        for widget, (region, clip) in self.visible_widgets.items():
            seen = region.intersection(clip)
            lines = [y for y in seen.line_range if _overlaps(self._wanted.get(y), seen)]
            if lines:
                part = Region(seen.x, lines[0], seen.width, lines[-1] + 1 - lines[0])
                yield part, part, widget.render_lines(part.translate(-region.offset))


class SparingScreen(Screen[None]):
    """A screen that is drawn sparingly, and whose painting can be held back."""

    def __init__(self) -> None:
        super().__init__()
        self._compositor = Sparing()
        self._paints = True
        self._is_seen = False
        self._was_seen = False

    def check_message_enabled(self, message: Message) -> bool:
        """Whether a message is for it: of a mode that was never open Textual says twice that its screen is seen."""
        if isinstance(message, events.ScreenResume | events.ScreenSuspend):
            before, self._is_seen = self._is_seen, isinstance(message, events.ScreenResume)
            if before and self._is_seen:
                return False
        return super().check_message_enabled(message)

    async def _compose(self) -> None:
        """Take the classes of its size first: where they come later, Textual styles every widget again."""
        sizes = self.app.HORIZONTAL_BREAKPOINTS or []
        fitting = self._get_breakpoint_classes(self.app.size.width, sizes)
        self.update_classes({name: name in fitting for _, name in sizes}, update=False)
        await super()._compose()

    def _on_screen_resume(self, event: events.ScreenResume) -> None:
        """Seen for the first time, its widgets look as they were mounted; later there may be another theme."""
        event.refresh_styles = event.refresh_styles and self._was_seen
        self._was_seen = True

    def remove(self) -> AwaitRemove:
        """Close it, and let go of all that its widgets have drawn: the collector finds them, as circles, only some time later."""
        for each in self.walk_children(Widget):
            each._styles_cache.clear()  # noqa: SLF001 - Textual has no other way
        return super().remove()

    def stop_painting(self) -> None:
        """Paint nothing until `go_on_painting`, so that the first frame is a whole one."""
        self._paints = False

    def go_on_painting(self) -> None:
        """Paint, first of all what was not painted meanwhile."""
        if not self._paints:
            self._paints = True
            self.refresh()

    def _compositor_refresh(self) -> None:
        if self._paints:
            super()._compositor_refresh()


def _lines(regions: Iterable[Region]) -> dict[int, tuple[int, int]]:
    """The lines that these regions cover, each with the columns from the first to the one after the last."""
    found: dict[int, tuple[int, int]] = {}
    for region in regions:
        for y in region.line_range:
            first, last = found.get(y, region.column_span)
            found[y] = min(first, region.x), max(last, region.right)
    return found


def _overlaps(columns: tuple[int, int] | None, region: Region) -> bool:
    return columns is not None and columns[0] < region.right and region.x < columns[1]


class Painted:
    """The lines that a terminal shows, as far as they are known."""

    def __init__(self) -> None:
        self._lines: dict[int, Strip] = {}
        self._size = Size(0, 0)

    def forget(self) -> None:
        """From now on nothing is known: what is sent next is sent whole."""
        self._lines = {}

    def changes(self, update: LayoutUpdate | ChopsUpdate) -> Runs | None:
        """What has to be sent of an update, which counts as shown from then on; None where the terminal shows all of it."""
        runs: list[Run] = []
        if isinstance(update, LayoutUpdate):
            if update.region.size != self._size:
                self.forget()
                self._size = update.region.size
            for y, parts in enumerate(update.strips, update.region.y):
                line = Strip.join(parts)
                runs += _differences(0, y, self._lines.get(y), line)
                self._lines[y] = line
        else:
            for x, y, part in _parts(update):
                runs += self._put(x, y, part)
        return Runs(runs) if runs else None

    def _put(self, x: int, y: int, part: Strip) -> Iterable[Run]:
        """What has to be sent of a part of a line."""
        line = self._lines.get(y)
        if line is None:
            return [(x, y, part)]
        end = x + part.cell_length
        runs = list(_differences(x, y, line.crop(x, end), part))
        if runs:
            self._lines[y] = Strip.join([line.crop(0, x), part, line.crop(end, line.cell_length)])
        return runs


class Runs(CompositorUpdate):
    """An update of these cells."""

    def __init__(self, runs: list[Run]) -> None:
        self.runs = runs

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for x, y, strip in self.runs:
            yield Control.move_to(x, y)
            yield from strip

    def render_segments(self, console: Console) -> str:
        """The bytes for a terminal."""
        return "".join(f"{Control.move_to(x, y).segment.text}{strip.render(console)}" for x, y, strip in self.runs)


def _parts(update: ChopsUpdate) -> Iterator[Run]:
    """What Textual would send of an update (`ChopsUpdate.render_segments`)."""
    for y, first, last in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is not None and x <= last and end > first:
                yield x, y, strip if x >= first and end <= last else strip.crop(0, min(end, last) - x)


def _differences(x: int, y: int, old: Strip | None, new: Strip) -> Iterator[Run]:
    """The runs of cells in which a line that begins at x differs from what is shown there."""
    if old is None or old.cell_length != new.cell_length:
        yield x, y, new
    elif old is not new:
        yield from _differing_segments(x, y, list(old), list(new))


def _differing_segments(x: int, y: int, old: list[Segment], new: list[Segment]) -> Iterator[Run]:
    """Segments are compared one by one for as long as they end at the same columns; the remainder is one run."""
    for place, (before, now) in enumerate(zip(old, new, strict=False)):
        length = now.cell_length
        if before == now:
            x += length
        elif before.cell_length == length:
            yield from _differing_text(x, y, before, now)
            x += length
        else:
            yield from _differing_end(x, y, old[place:], new[place:])
            return


def _differing_end(x: int, y: int, old: list[Segment], new: list[Segment]) -> Iterator[Run]:
    """The run up to where both are the same to their end."""
    same = 0
    while same < min(len(old), len(new)) and old[-1 - same] == new[-1 - same]:
        same += 1
    yield x, y, Strip(new[: len(new) - same])


def _differing_text(x: int, y: int, old: Segment, new: Segment) -> Iterator[Run]:
    """Of two texts in one style only what lies between the first and the last character that differ."""
    if old.style != new.style or not (old.text.isascii() and new.text.isascii()):  # others may be wider than a cell
        yield x, y, Strip([new])
        return
    text, last = new.text, len(new.text)
    first = next(place for place, (one, other) in enumerate(zip(old.text, text, strict=True)) if one != other)
    while old.text[last - 1] == text[last - 1]:
        last -= 1
    yield x + first, y, Strip([Segment(text[first:last], new.style)])
