"""The line of keys at the bottom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events, widgets
from textual.app import App, ComposeResult
from textual.binding import ActiveBinding
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import Widget


class Footer(widgets.Footer):
    """Textual's, with all keys in one widget: to make a widget for each, at each change, took most of the time of a key press."""

    def __init__(self) -> None:
        super().__init__(show_command_palette=False, compact=True)
        self._changed = False

    def compose(self) -> ComposeResult:
        """The keys."""
        yield Keys()

    def bindings_changed(self, screen: Screen[object]) -> None:
        """Show the keys of now, once everything else is shown: what one key press changes is reported many times."""
        if screen.app.app_focus and self.is_attached and screen is self.screen and not self._changed:
            self._changed = True
            self.call_after_refresh(self._show_keys)

    def _show_keys(self) -> None:
        self._changed = False
        if not self.is_attached or not self.query(Keys):
            return  # its screen was closed meanwhile
        found: dict[str, FooterKey] = {}
        for _, binding, enabled, tooltip in sorted(self.screen.active_bindings.values(), key=_place):
            if binding.show and binding.action not in found:
                found[binding.action] = FooterKey(
                    binding.key, self.app.get_key_display(binding), binding.description, tooltip, enabled
                )
        self.query_one(Keys).keys = fitting(tuple(found.values()), self.size.width)

    def on_resize(self) -> None:
        """More of them fit, or fewer."""
        self._show_keys()


def _place(active: ActiveBinding) -> int:
    """The table's keys, then what can be done to its rows, which must not be missing in a narrow line, then all others."""
    if isinstance(active.node, Screen | App):
        return 1 if active.enabled and active.binding.action.startswith("act(") else 2
    return 0


@dataclass(frozen=True, slots=True)
class FooterKey:
    """A key, as the line shows it."""

    name: str
    display: str
    description: str
    tooltip: str
    enabled: bool

    @property
    def width(self) -> int:
        """Its cells in the line."""
        return cell_len(f"{self.display} {self.description}")


def fitting(keys: tuple[FooterKey, ...], width: int) -> tuple[FooterKey, ...]:
    """The keys that fit into so many cells, each whole; the last two always, which are help and the way out."""
    first, last = list(keys[:-2]), keys[-2:]
    while first and sum(key.width + 1 for key in (*first, *last)) - 1 > width:
        first.pop()
    return (*first, *last)


class Keys(Widget):
    """Keys in a row, each with what it does; a click on one is as pressing it."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"keys--key", "keys--description", "keys--hovered"}
    DEFAULT_CSS = """
    Keys {
        width: auto;
        height: 1;
        text-wrap: nowrap;
        .keys--key { color: $footer-key-foreground; background: $footer-key-background; text-style: bold; }
        .keys--description { color: $footer-description-foreground; background: $footer-description-background; }
        .keys--hovered { background: $block-hover-background; }
    }
    """

    keys: reactive[tuple[FooterKey, ...]] = reactive((), layout=True)
    """Those that are shown."""
    hovered: reactive[FooterKey | None] = reactive(None)
    """The one under the mouse."""

    def render(self) -> Text:
        """All keys, with a blank between them."""
        text = Text(no_wrap=True)
        key_style, style = self.get_component_rich_style("keys--key"), self.get_component_rich_style("keys--description")
        for key in self.keys:
            text.append(" " if text else "")
            more = Style(dim=None if key.enabled else True)
            if key == self.hovered:
                more += self.get_component_rich_style("keys--hovered", partial=True)
            text.append(key.display, key_style + more)
            text.append(f" {key.description}", style + more)
        return text

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Mark the key under the mouse, and say what it does."""
        self.hovered = self._key_at(event.x)
        self.tooltip = self.hovered.tooltip if self.hovered else None

    def on_leave(self) -> None:
        """No key is under the mouse."""
        self.hovered = None

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Press the key under the mouse."""
        key = self._key_at(event.x)
        if key and key.enabled:
            self.app.simulate_key(key.name)
        elif key:
            self.app.bell()

    def _key_at(self, x: int) -> FooterKey | None:
        for key in self.keys:
            if x < key.width:
                return key if x >= 0 else None
            x -= key.width + 1
        return None
