"""What the terminal shows, saved in a file: for a ticket, or a colleague."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Final, Protocol, runtime_checkable

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from qtui_workers.text import printable

_LONGEST: Final = 80
"""Characters of what names a file."""
_TRIES: Final = 100
"""Files of one second that are distinguished by a number."""


@runtime_checkable
class HasPane(Protocol):
    """A screen with a pane of which more is known than is seen."""

    def pane_text(self) -> tuple[str, str]:
        """A name for the file, and the whole text of the active pane."""


class Saving(App[None]):
    """The part of the App that saves its screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save_screen('txt')", "Save", show=False, id="app.save", tooltip="The screen, as a text file"),
    ]  # fmt: skip

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What can be saved; none of Textual's own."""
        if isinstance(screen, HasPane):
            about = "all of it, also what is out of view, into a text file"
            yield SystemCommand("Save this pane", about, lambda: self._save(*screen.pane_text(), "txt"))
        yield SystemCommand("Save as text", "what is on the screen, into a file", lambda: self.action_save_screen("txt"))
        yield SystemCommand("Save as a picture", "the same as SVG", lambda: self.action_save_screen("svg"))

    def action_save_screen(self, kind: str) -> None:
        """Save what the terminal shows, as `txt` or `svg`."""
        self._save(self.current_mode, self.export_screenshot() if kind == "svg" else text_of(self.screen), kind)

    def _save(self, what: str, text: str, kind: str) -> None:
        """Save a text in the current folder or else at home, and say where."""
        name = f"qtui-{re.sub(r'[^A-Za-z0-9_.-]', '_', what)[:_LONGEST]}-{time.strftime('%Y%m%d-%H%M%S')}"
        for folder in (Path.cwd(), Path.home()):
            try:
                path = _write(folder, name, kind, text)
            except OSError as error:
                problem = error.strerror or str(error)
            else:
                self.notify(f"Saved in {printable(str(path), 300)}", timeout=5, markup=False)
                return
        self.notify(f"Not saved: {printable(problem, 200)}", severity="error", timeout=8, markup=False)


def text_of(screen: Screen[object]) -> str:
    """The lines of a screen, without blanks at their ends."""
    strips = screen._compositor.render_strips()
    return "".join(strip.text.rstrip() + "\n" for strip in strips)


def _write(folder: Path, name: str, kind: str, text: str) -> Path:
    """A new file that only its owner can read, as it may hold what jobs were given; raises OSError."""
    for number in range(_TRIES):
        path = folder / f"{name}{f'-{number}' if number else ''}.{kind}"
        try:
            with os.fdopen(
                os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", errors="replace"
            ) as file:
                file.write(text)
            return path
        except FileExistsError:
            continue
    raise FileExistsError(f"{name}.{kind} exists already")
