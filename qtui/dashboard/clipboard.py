"""Copying: the way to the clipboard that the terminal has, and what can be reported of its success."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Mapping

from textual.app import App

from qtui.shared.messages import CopyRequested
from qtui_workers.text import printable

PATIENCE = 3.0
"""Seconds that tmux may take."""


class Copying(App[None]):
    """The part of the App that copies."""

    def copy_to_clipboard(self, text: str) -> None:
        """Copy a text without a word, as fields do with what is selected in them."""
        if os.environ.get("TMUX"):
            self.run_worker(lambda: to_tmux(text), thread=True, exit_on_error=False, group="copy")
        elif os.environ.get("STY") and self._driver:
            code = base64.b64encode(text.encode("utf-8", "replace")).decode()
            self._driver.write(f"\x1bP\x1b]52;c;{code}\a\x1b\\")  # GNU screen passes on only what is wrapped like this
        else:
            super().copy_to_clipboard(text)

    def on_copy_requested(self, message: CopyRequested) -> None:
        """Copy a text and say how far it has come."""
        text, shown = message.text, message.what or printable(message.text, 80)

        def notify(how: str) -> None:
            self.notify(f"{how} {shown}", timeout=3, markup=False)

        said = message.said or notify
        if os.environ.get("TMUX"):
            self.run_worker(lambda: self.call_from_thread(said, to_tmux(text)), thread=True, exit_on_error=False, group="copy")
        else:
            self.copy_to_clipboard(text)
            said(without_tmux(os.environ))


def to_tmux(text: str) -> str:
    """Give a text to tmux, which keeps it and passes it on to its terminal; returns how far that went, as words before the text.

    tmux ignores what a program in it sends for the clipboard, unless its option set-clipboard is on.
    """
    if _load(text, "-w"):
        return "Copied"
    if _load(text):
        return "In the buffer of tmux (prefix ] pastes it):"
    return "tmux did not take it:"


def _load(text: str, *options: str) -> bool:
    command = ["tmux", "load-buffer", *options, "-"]
    try:
        done = subprocess.run(command, input=text.encode("utf-8", "replace"), capture_output=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def without_tmux(environment: Mapping[str, str]) -> str:
    """What can be reported of a text that was sent to the terminal: whether it took it is only known of most of them."""
    term = environment.get("TERM", "")
    if term == "linux":
        return "This terminal has no clipboard:"
    if environment.get("STY") or term.startswith(("screen", "tmux")):  # there may be a tmux at the other end of an ssh
        return "Sent to the clipboard, where your terminal allows it:"
    return "Copied"
