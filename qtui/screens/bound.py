"""The keys that a screen itself has, as the config file gives them."""

from __future__ import annotations

from textual.binding import Binding
from textual.screen import Screen


def keys_of(screen: Screen[None], *names: str) -> dict[str, Binding]:
    """The keys of these names, whether they do something now or not."""
    bound = screen._bindings.copy()
    bound.apply_keymap(screen.app._keymap)
    return {key: binding for key, binding in bound if binding.id in names}
