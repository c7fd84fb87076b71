"""The keys that a screen itself has, as the config file gives them."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding
from textual.screen import Screen


def bindings_of(screen: Screen[None]) -> Iterable[tuple[str, Binding]]:
    """All its keys, whether they do something now or not."""
    bound = screen._bindings.copy()
    bound.apply_keymap(screen.app._keymap)
    return bound


def keys_of(screen: Screen[None], *names: str) -> dict[str, Binding]:
    """The keys of these names."""
    return {key: binding for key, binding in bindings_of(screen) if binding.id in names}
