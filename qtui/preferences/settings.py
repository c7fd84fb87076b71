"""The user's settings: the connections in the config file, and a few preferences."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

from qtui.broker.trash_room import Rules
from qtui.preferences import templates
from qtui_workers.naming import suggestion
from qtui_workers.records import Pattern, Range, Record
from qtui_workers.server.contexts import Connections

LAST: Final = "last"


class TrashSettings(Record):
    """How removed jobs are kept: `[trash]` in the config file."""

    keep_hours: Annotated[float, Range(above=0, most=24 * 30)] = 24.0
    """For how long they can be put back."""
    max_mib: Annotated[int, Range(least=0, most=1 << 20)] = 1024
    """How much memory of the server they may take; what would take more is only removed for good."""

    @property
    def rules(self) -> Rules:
        """The same in seconds and bytes."""
        return Rules(max(1, round(self.keep_hours * 3600)), self.max_mib << 20)


class CommandSettings(Record):
    """A command of the user's own, about the job under the cursor: `[commands.NAME]` in the config file."""

    run: Annotated[tuple[str, ...], templates.of_command]
    """The program and its arguments, run without a shell; {id}, {queue}, {status} and {function} are those of the job."""
    key: Annotated[str | None, Pattern("f([1-9]|1[0-2])")] = None
    """A function key, which nothing else uses and no typed word holds; without one it is in the palette only."""
    about: str = ""
    """What it does, in a few words."""
    confirm: bool = True
    """Ask first."""
    harmless: bool = False
    """It changes nothing: it is also run where the connection is read-only, and is no change for the audit."""


def _each_key_once(commands: Mapping[str, CommandSettings]) -> Mapping[str, CommandSettings]:
    keys = [command.key for command in commands.values() if command.key]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"two have the key {key}")
    return commands


def _of_start(name: str) -> str:
    from qtui.places import PLACES  # not needed where nothing is set

    names = [LAST, *(place.name for place in PLACES)]
    if name not in names:
        raise ValueError(f"there is no such screen; {suggestion(name, names, 'screens')}")
    return name


class Additions(Record):
    """What the user has added about jobs."""

    links: Mapping[str, str] = MappingProxyType({})
    commands: Mapping[str, CommandSettings] = MappingProxyType({})


NOTHING_ADDED: Final = Additions()


class Preferences(Connections):
    """The whole content of the config file."""

    refresh: Annotated[float, Range(least=0.1, most=3600)] = 1.0
    """Seconds between two reloads of a screen."""
    trash: TrashSettings = TrashSettings()
    links: Mapping[str, Annotated[str, templates.of_address]] = MappingProxyType({})
    """Pages about a job, by the name under which they are shown."""
    commands: Annotated[Mapping[str, CommandSettings], _each_key_once] = MappingProxyType({})
    """The user's own commands."""
    start: Annotated[str, _of_start] = LAST
    """The screen that is shown first, by its name; `last`: the one that was shown last over the same connection."""
    theme: str | None = None
    """The name of the dashboard's theme; the palette lists all themes."""
    times: Literal["utc", "local"] = "utc"
    """In which time zone times are shown: that of this machine where it is `local`."""
    keymap: Mapping[str, str] = MappingProxyType({})
    """Other keys: the name of what a key does, as `qtui keys` lists it, and the keys that do it, with commas between."""

    def first_place(self, last: str) -> str:
        """The name of the screen to begin with, where this one was the last."""
        return last if self.start == LAST else self.start

    @property
    def own(self) -> Additions:
        """What the user has added about jobs."""
        return Additions(self.links, self.commands)
