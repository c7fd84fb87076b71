"""The base class of all settings, whose fields are read from the environment at the time they are needed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

from qtui_workers import records
from qtui_workers.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path


class Settings(records.Record):
    """The environment variables of one topic, each named like its field in capitals; an empty one counts as not set.

    Each topic is a class of its own, read by the code that needs it: a bad value stops nothing else.
    """

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of its fields: those of the variables in small letters."""
        return cls.FIELDS

    @classmethod
    def read(cls) -> Self:
        """The settings of this process's environment; InvalidInput names each bad variable and the reason."""
        given = {name: value for name in cls.names() if (value := os.environ.get(name.upper()))}
        return records.read(cls, given, named=str.upper)


def folder_of(variable: str, named: str | Path | None, usual: str, hint: str = "name a whole path") -> Path:
    """The folder that a variable names, else `usual` in qtui's folder for state (XDG Base Directory Specification).

    Raises InvalidInput, with the variable and a hint, where this user has no home folder.
    """
    from pathlib import Path  # 4 ms that most commands do without

    return Path(path_of(variable, named, usual, hint))


def path_of(variable: str, named: str | Path | None, usual: str, hint: str = "name a whole path") -> str:
    """The same as a text."""
    base = os.environ.get("XDG_STATE_HOME", "")
    path = os.path.expanduser(named or os.path.join(base if os.path.isabs(base) else "~/.local/state", "qtui", usual))
    if path.startswith("~"):
        raise InvalidInput(f"{variable}: this user has no home folder; {hint}.")
    return path
