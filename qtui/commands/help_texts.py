"""The help of every command as typer prints it, kept in `help.txt`: to make it anew, all commands would have to be imported.

`python -m qtui.commands` writes that file, and a test compares it with what typer prints. Where the files of commands or
operations are others than it was made from, or the terminal has fewer than 80 columns, the help is typer's.
"""

from __future__ import annotations

import os
from typing import Final

COLUMNS: Final = 80
"""Wider terminals get no longer lines."""
ASKING: Final = ("-h", "--help")
"""The options that request help."""
MARK: Final = "=== qtui"
"""What a line begins with that names the command whose help follows."""


def of(words: list[str]) -> str | None:
    """The help that the words request; None where they request something else, or only typer can give it."""
    if not 1 <= len(words) <= 2 or words[-1] not in ASKING or _columns() < COLUMNS:
        return None
    return _kept().get(words[0] if len(words) == 2 else "")


def summaries() -> dict[str, str]:
    """The names of the commands, and a line about each; none where the kept help is not there."""
    lines = _kept().get("", "").partition("\nCommands:\n")[2].partition("\n\n")[0].splitlines()
    parts = (line.strip().partition(" ") for line in lines)
    return {name: text.strip() for name, _, text in parts}


def _columns() -> int:
    """The width of the terminal, as `shutil.get_terminal_size` finds it, which takes 5 ms to import."""
    named = os.environ.get("COLUMNS", "")
    if named.isdecimal() and int(named):
        return int(named)
    try:
        return os.get_terminal_size(1).columns or COLUMNS
    except OSError:
        return COLUMNS


def sources() -> str:
    """Name and size of every file from which the help is made."""
    package = os.path.dirname(os.path.dirname(__file__))
    rooms = os.path.dirname(__file__), os.path.join(package, "broker", "operations")
    files = [os.path.join(room, name) for room in rooms for name in os.listdir(room) if name.endswith(".py")]
    files.append(os.path.join(package, "cli.py"))
    return " ".join(sorted(f"{os.path.basename(file)}:{os.stat(file).st_size}" for file in files))


def _kept() -> dict[str, str]:
    try:
        with open(path(), encoding="utf-8") as file:
            made_from, *parts = file.read().split(MARK)
    except OSError:
        return {}
    if made_from.strip() != sources():
        return {}
    return {name.strip(): text.rstrip("\n") for name, _, text in (part.partition("\n") for part in parts)}


def path() -> str:
    """Where the file is."""
    return os.path.join(os.path.dirname(__file__), "help.txt")
