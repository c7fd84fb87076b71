"""The addresses of pages about a job, to be opened or copied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from qtui.screens.parts.dialog import Dialog
from qtui.shared.messages import CopyRequested
from qtui_workers.text import printable


class LinksScreen(Dialog):
    """A number opens the page, where there is a browser, else it copies the address."""

    CSS_PATH = "links.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,u", "dismiss", "Close", id="links.close", key_display="esc"),
    ]

    def __init__(self, about: str, addresses: Mapping[str, str], open_page: Callable[[str], bool]) -> None:
        """`open_page` opens an address; False where it cannot."""
        super().__init__()
        self._about = about
        self._addresses = dict(list(addresses.items())[:9])
        self._open_page = open_page

    def compose(self) -> ComposeResult:
        """A number, a name and an address each."""
        with VerticalScroll(id="links"):
            yield Static(printable(f"Pages about job {self._about}: a number opens or copies"), id="about", markup=False)
            for number, (name, address) in enumerate(self._addresses.items(), 1):
                yield Static(
                    Content.assemble(
                        (str(number), "$accent bold"), "  ", (printable(name, 40), "bold"), f"\n   {printable(address)}"
                    )
                )

    def on_key(self, event: events.Key) -> None:
        """Open or copy the address of that number."""
        if event.key.isdecimal() and 0 < int(event.key) <= len(self._addresses):
            event.stop()
            address = list(self._addresses.values())[int(event.key) - 1]
            self.dismiss()
            if not self._open_page(address):
                self.app.post_message(CopyRequested(address))
