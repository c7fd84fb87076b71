"""What is done when qtui itself fails: the traceback goes to a file, and one sentence says where it is."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Final

from qtui.printing import output
from qtui_workers.errors import InvalidInput
from qtui_workers.settings import folder_of
from qtui_workers.text import printable

EXIT_CODE: Final = 70
"""EX_SOFTWARE of sysexits.h: an internal error."""


def report(error: BaseException) -> int:
    """Write the traceback to a file that only this user can read, and a sentence to standard error; returns the exit code."""
    what = printable("".join(traceback.format_exception_only(error)).strip(), 300)
    text = f"{_surroundings()}\n\n{''.join(traceback.format_exception(error))}"
    place = _write(text)
    output.note(f"qtui: crashed ({what}). Please report it with {place}" if place else f"qtui: crashed.\n{text}")
    return EXIT_CODE


def _surroundings() -> str:
    from importlib.metadata import version  # 10 ms that the dashboard would wait for

    packages = ", ".join(f"{name} {version(name)}" for name in ("qtui-rq", "textual", "rq", "redis"))
    return f"{packages}, Python {platform.python_version()}, {sys.platform}, TERM={os.environ.get('TERM', '')}"


def _write(text: str) -> Path | None:
    """A new file with the text in the folder for state, else in that for temporary files; None where neither takes it."""
    for folder in _folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix="crash-", suffix=".txt", dir=folder)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError:
            continue
        return Path(name)
    return None


def _folders() -> list[Path]:
    temporary = Path(tempfile.gettempdir())
    try:
        return [folder_of("XDG_STATE_HOME", None, "crashes"), temporary]
    except InvalidInput:
        return [temporary]
