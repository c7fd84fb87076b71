"""What tables and logs share: lines drawn on demand, of which only the changed ones are painted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import ClassVar, get_args

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.scroll_view import ScrollView
from textual.strip import Strip

from qtui.broker.status import Tone
from qtui.presentation.cells import THUMB, thumb
from qtui.widgets.theme import tone_classes, tone_rules


class LineView(ScrollView, can_focus=True, inherit_bindings=False):
    """A view of lines that draws only those in view.

    A subclass says how many there are (`line_count`), how many at the top stay in place (`HEAD`), and draws
    one (`draw`); it calls `repaint` after anything changed. The scrollbar is a thumb in the last column.
    """

    HEAD: ClassVar[int] = 0
    COMPONENT_CLASSES: ClassVar[set[str]] = {"line-view--thumb"} | tone_classes("line-view")
    DEFAULT_CSS = "LineView { overflow: hidden; & > .line-view--thumb { color: $scrollbar; }" + tone_rules("line-view")
    DEFAULT_CSS += "}"
    ALLOW_SELECT: ClassVar[bool] = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._painted: dict[int, Strip] = {}
        self._styles: dict[str, Style] = {}
        self._dragging = False

    @property
    def line_count(self) -> int:
        """The total number of lines, without the fixed ones at the top."""
        raise NotImplementedError

    def draw(self, y: int, width: int) -> Strip:
        """Line `y` of the screen, exactly `width` cells."""
        raise NotImplementedError

    def forget_drawn(self) -> None:
        """The width or the colours changed: a subclass discards the drawn lines that it keeps."""

    # Painting

    def repaint(self, lines: Iterable[int] | None = None) -> None:
        """Draw the lines in view, or only these of the screen, and paint those that look different from before."""
        (width, height), covered = self.size, self._thumb
        for y in range(height) if lines is None else {y for y in lines if 0 <= y < height}:
            strip = self._draw(y, width, covered)
            if strip != self._painted.get(y):
                self._painted[y] = strip
                self.refresh(Region(0, y, width, 1))

    def repaint_all(self) -> None:
        """Draw and paint everything anew."""
        self._styles.clear()
        for name in ("tones", "base_style"):
            self.__dict__.pop(name, None)
        self._painted.clear()
        self.forget_drawn()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        strip = self._painted.get(y)
        if strip is None:
            strip = self._painted[y] = self._draw(y, self.size.width, self._thumb)
        return strip

    def _draw(self, y: int, width: int, covered: range) -> Strip:
        if width < 2:
            return Strip.blank(width, self.base_style)
        edge = Segment(THUMB if y in covered else " ", self.style("line-view--thumb"))
        return Strip([*self.draw(y, width - 1), edge], width)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.repaint_all()

    def on_resize(self) -> None:
        self.repaint_all()
        self.scroll_line(self.top)

    def style(self, name: str) -> Style:
        """The style of a component class."""
        if name not in self._styles:
            self._styles[name] = self.get_component_rich_style(name)
        return self._styles[name]

    @cached_property
    def base_style(self) -> Style:
        """The style of a line without anything special."""
        return self.rich_style

    @cached_property
    def tones(self) -> Mapping[Tone, Style]:
        """The style that each tone adds to that of a line: only its colour."""
        return {tone: Style(color=self.style(f"line-view--{tone}").color) for tone in get_args(Tone)}

    # Scrolling: kept without `virtual_size`, whose every change lays out the whole screen again.

    @property
    def page(self) -> int:
        """The number of lines in view, without the fixed ones at the top."""
        return max(0, self.size.height - self.HEAD)

    @property
    def top(self) -> int:
        """The number of the first line in view."""
        return round(self.scroll_y)

    @property
    def max_scroll_y(self) -> int:
        return max(0, self.line_count - self.page)

    @property
    def allow_vertical_scroll(self) -> bool:
        return self.max_scroll_y > 0

    def scroll_line(self, number: int) -> None:
        """Scroll so that this line is the first one in view, or as near to it as possible."""
        self.scroll_to(y=number, animate=False, force=True)

    def watch_scroll_y(self, _old_value: float, _new_value: float) -> None:
        self.repaint()

    @property
    def _thumb(self) -> range:
        """The lines of the screen that the thumb covers."""
        covered = thumb(self.top, self.page, self.line_count)
        return range(self.HEAD + covered.start, self.HEAD + covered.stop)

    def _drag_to(self, y: int) -> None:
        self.scroll_line(round((y - self.HEAD) * self.max_scroll_y / max(1, self.page - 1)))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if event.x == self.size.width - 1 and event.y >= self.HEAD and self.max_scroll_y:
            self._dragging = True
            self.capture_mouse()
            self._drag_to(event.y)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._dragging:
            self._drag_to(event.y)

    def on_mouse_up(self) -> None:
        if self._dragging:
            self._dragging = False
            self.release_mouse()
