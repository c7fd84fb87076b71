"""Panes of one screen: one at a time under a line of their names, or side by side where there is room; one of them is active."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from qtui.presentation import formatting
from qtui.presentation.colours import TONES

ACTIVE, FRONT, SHOWN, EMPTY = "-active", "-front", "-shown", "-empty"
"""The classes of the pane that has the keys, of the one that was active last in its column, of the one that was active last
beside the first column, and of those with nothing to show. Columns have all but the second one, too."""


class PaneNames(Widget):
    """The names of panes in a line; the active one is marked, those with nothing in them are dim. A click opens one."""

    DEFAULT_CSS = "PaneNames { height: 1; padding: 0 1; }"

    class Chosen(Message):
        """A name was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        self.active = self.names[0]
        self._empty: Collection[str] = ()

    def show(self, active: str, empty: Collection[str]) -> None:
        """Mark the active one, and dim the empty ones."""
        if (active, empty) != (self.active, self._empty):
            self.active, self._empty = active, empty
            self.refresh()

    @property
    def _gap(self) -> str:
        """What stands before and after each name: nothing before it, where there is little room."""
        return " " if sum(formatting.cells(name) + 2 for name in self.names) <= self.content_size.width else ""

    def render(self) -> Content:
        return Content("").join(self._painted(name) for name in self.names)

    def _painted(self, name: str) -> Content:
        if name == self.active:
            return Content.styled(f"{self._gap}{name} ", f"bold underline {TONES['busy']} on $primary-muted")
        return Content.styled(f"{self._gap}{name} ", TONES["muted"] if name in self._empty else "")

    def on_click(self, event: events.Click) -> None:
        x = event.x - self.styles.padding.left
        for name in self.names:
            x -= formatting.cells(f"{self._gap}{name} ")
            if x < 0:
                self.post_message(self.Chosen(name))
                return


class Pane(Vertical):
    """One body with its name above it, which is seen where panes stand side by side."""

    DEFAULT_CSS = """
    Pane { padding: 0 1; }
    Pane > .name { height: 1; color: $text-muted; display: none; }
    Pane.-active > .name { color: $text-primary; text-style: bold; }
    """

    def __init__(self, name: str, *body: Widget) -> None:
        super().__init__(id=name)
        self._body = body

    def compose(self) -> ComposeResult:
        """The name over the body."""
        yield Static(self.id or "", classes="name", markup=False)
        yield from self._body

    @property
    def has_keys(self) -> bool:
        """Whether something in it has the focus."""
        return any(widget.has_focus for widget in self.query("*"))

    def take_keys(self) -> None:
        """Give the focus to what in it takes keys."""
        if not self.has_keys:
            for widget in self.query("*"):
                if widget.focusable:
                    widget.focus(scroll_visible=False)
                    return


class Panes(Vertical):
    """The line of names, and below it columns of panes; the screen has the keys, and calls `move`.

    The style of the screen decides which panes and columns are seen, by the classes `ACTIVE`, `FRONT` and `SHOWN`.
    """

    DEFAULT_CSS = "Panes { height: 1fr; } Panes > .columns { height: 1fr; layout: horizontal; }"

    class Changed(Message):
        """Another pane is active."""

    def __init__(self, names: Sequence[str], columns: Sequence[Sequence[Pane]]) -> None:
        """`names` are those of all panes, in the order in which they are opened one after the other."""
        super().__init__()
        self.names = tuple(names)
        self.active = self.names[0]
        self._columns = {
            Vertical(*panes, id=f"column-{place}", classes="column"): list(panes) for place, panes in enumerate(columns)
        }
        self._front = {column: panes[0] for column, panes in self._columns.items()}
        self._shown: Pane | None = None
        self._empty: frozenset[str] = frozenset()
        self._activate(self.active)

    def compose(self) -> ComposeResult:
        """The names, and the columns."""
        yield PaneNames(self.names)
        list(self._marked())  # before they are styled for the first time
        yield Vertical(*self._columns, classes="columns")

    def pane(self, name: str) -> Pane:
        """The pane of that name."""
        return self.query_one(f"#{name}", Pane)

    def show(self, empty: Collection[str], active: str = "") -> None:
        """Say which of them have nothing to show, and open one.

        Behind one with nothing to show another one of its column comes to the front.
        """
        self._empty = frozenset(empty)
        if active:
            self.open(active)
        else:
            self._mark()

    def open(self, name: str) -> None:
        """Make a pane the active one, which has the focus."""
        if name != self.active:
            self._activate(name)
            self.post_message(self.Changed())
        self._mark()
        self.call_after_refresh(self._give_keys, name)

    def _give_keys(self, name: str) -> None:
        if name == self.active:  # else another one was opened meanwhile
            self.pane(name).take_keys()

    def move(self, step: int) -> None:
        """Open the next one in that direction, 1 or -1."""
        self.open(self.names[(self.names.index(self.active) + step) % len(self.names)])

    def _mark(self) -> None:
        """Set all classes, and style anew what has others than before, at once: each style is looked up again for all below."""
        marked = list(self._marked())
        for widget in marked:
            if widget.parent not in marked:
                widget.update_node_styles()
        self.query_one(PaneNames).show(self.active, self._empty)

    def _activate(self, name: str) -> None:
        self.active = name
        for place, (column, panes) in enumerate(self._columns.items()):
            for pane in panes:
                if pane.id == name:
                    self._front[column] = pane
                    self._shown = pane if place else self._shown

    def _marked(self) -> Iterator[Widget]:
        """Set the classes of all columns and panes; those that had others before."""
        for column, panes in self._columns.items():
            is_active = any(pane.id == self.active for pane in panes)
            held = [pane for pane in panes if pane.id not in self._empty]
            if held and not is_active and self._front[column] not in held:
                self._front[column] = held[0]
            is_empty = not (held or is_active)
            yield from _classed(column, {ACTIVE: is_active, SHOWN: self._shown in panes, EMPTY: is_empty})
            for pane in panes:
                is_active, is_front, is_shown = pane.id == self.active, pane is self._front[column], pane is self._shown
                yield from _classed(pane, {ACTIVE: is_active, FRONT: is_front, SHOWN: is_shown, EMPTY: pane not in held})

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """What is clicked is in the active pane."""
        found = next((each for each in event.widget.ancestors if isinstance(each, Pane)), None)
        if found is not None and found.id and found.id != self.active:
            self.open(found.id)

    def on_pane_names_chosen(self, message: PaneNames.Chosen) -> None:
        """A name was clicked."""
        message.stop()
        self.open(message.name)


def _classed(widget: Widget, classes: Mapping[str, bool]) -> Iterator[Widget]:
    """Set classes of a widget, and yield it where it had others before; it is not styled anew."""
    before = widget.classes
    for name, is_set in classes.items():
        widget.set_class(is_set, name, update=False)
    if widget.classes != before:
        yield widget
