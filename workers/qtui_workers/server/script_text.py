"""Lua scripts: put together from their files, and called by digest with named arguments (`server.scripts` runs them).

A script is a file `lua/NAME.lua` of a package. Two kinds of lines among the comments at its top are read:

    -- requires: lease, ending
    -- arguments: worker, now

The files that it requires are put before it, each of them once; a file is looked for in the script's own package, then in
`qtui_workers`. Its arguments, and those of the files that it requires, are given by name. A call may give more values, without
names: they are ARGV from FIRST on. Names that are written out when a script is put together (`server.script_names`):

    args.worker                     an argument
    keys.job(id), keys.EVENTS       the names of `server.keys`
    statuses.waits[status]          a fact of `qtui_workers.statuses`, nil where it is false or None

Scripts have only what Redis 6.2 has: no `os`, no clock but TIME, and no -0 among the arguments of a command.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Final, Self

from qtui_workers.records import Record
from qtui_workers.server.script_names import without_unused, written_out
from qtui_workers.text import encode

try:
    from _sha1 import sha1  # type: ignore[import-not-found]  # hashlib would load OpenSSL's for it: 2 ms
except ImportError:
    from hashlib import sha1

Argument = str | bytes | int | float

_HERE: Final = "qtui_workers"
_DECLARED: Final = re.compile(r"^-- (requires|arguments): *(.*)$", re.MULTILINE)
_NAME: Final = re.compile(r"[a-z][a-z_]*")


class ScriptText:
    """The text of one script; it is put together at its first use."""

    def __init__(self, text: str, package: str = _HERE) -> None:
        """The script of that text, which may require the files of that package and of `qtui_workers`."""
        self._source: str | None = text
        self._name = "this script"
        self._package = package

    @classmethod
    def load(cls, name: str, package: str = _HERE) -> Self:
        """The script of the file `lua/NAME.lua` of that package."""
        script = cls("", package)
        script._source, script._name = None, name
        return script

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The files that it consists of, in their order, itself last.

        Raises ValueError where a file is missing, requires itself, or declares an argument that another one has.
        """
        own = _read(self._name, self._package, "") if self._source is None else Part(self._name, self._source)
        found: dict[str, Part] = {}
        _resolve(own, self._package, found, ())
        parts = tuple(found.values())
        names = [name for part in parts for name in part.arguments]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"{self._name} has two arguments of the name {', '.join(sorted(twice))}: rename one")
        return parts

    @cached_property
    def arguments(self) -> tuple[str, ...]:
        """The names of its arguments, in their order."""
        return tuple(name for part in self.parts for name in part.arguments)

    @cached_property
    def text(self) -> str:
        """The text that is sent to the server, without lines of comment."""
        lines = [line.rstrip() for part in self.parts for line in part.text.splitlines()]
        whole = "\n".join(line for line in lines if line and not line.lstrip().startswith("--"))
        body = "\n".join(line.lstrip() for line in without_unused(whole).splitlines())
        return written_out(body, self.arguments) + "\n"

    @cached_property
    def digest(self) -> str:
        """The SHA-1 digest by which the server knows it."""
        return str(sha1(self.text.encode(), usedforsecurity=False).hexdigest())

    def values(self, *rest: Argument, **named: Argument) -> list[Argument]:
        """The arguments in the order of ARGV. Raises TypeError where the given names are not those that are declared."""
        return self.listed(named, rest)

    def listed(self, named: Mapping[str, Argument], rest: Iterable[Argument] = ()) -> list[Argument]:
        """The same for names and values in a mapping."""
        names = self.arguments
        if len(named) != len(names) or not all(map(named.__contains__, names)):
            wrong = ", ".join(sorted(named.keys() ^ set(names)))
            raise TypeError(f"{self._name}: these arguments are missing, or not declared: {wrong}")
        given = [*map(named.__getitem__, names), *rest]
        return [encode(value) if isinstance(value, str) and not value.isascii() else value for value in given]

    @cached_property
    def commands(self) -> frozenset[str]:
        """The words in it that may be names of commands, in lower case; without those whose refusal it expects."""
        return frozenset(name.lower() for name in re.findall(r"(?<!redis\.pcall\()'([A-Z]{3,})'", self.text))


class Part(Record):
    """A file of a script."""

    name: str
    text: str

    @property
    def requires(self) -> tuple[str, ...]:
        """The names of the files that have to come before it."""
        return self._declared("requires")

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of its own arguments."""
        return self._declared("arguments")

    def _declared(self, kind: str) -> tuple[str, ...]:
        return tuple(name for found, line in _DECLARED.findall(self.text) if found == kind for name in _NAME.findall(line))


def _resolve(part: Part, package: str, found: dict[str, Part], above: tuple[str, ...]) -> None:
    """Puts what a part requires, and then the part itself, into `found`."""
    if part.name in above:
        raise ValueError(f"Lua files require each other in a circle: {' → '.join((*above, part.name))}")
    for name in part.requires:
        if name not in found:
            _resolve(_read(name, package, part.name), package, found, (*above, part.name))
    found[part.name] = part


def _read(name: str, package: str, wanted_by: str) -> Part:
    for place in dict.fromkeys((package, _HERE)):
        with suppress(FileNotFoundError), open(f"{_folder(place)}/lua/{name}.lua", encoding="utf-8") as file:
            return Part(name, file.read())
    beginning = f"{wanted_by} requires '{name}', but there" if wanted_by else "there"
    raise ValueError(f"{beginning} is no lua/{name}.lua in {' or '.join(dict.fromkeys((package, _HERE)))}")


def _folder(package: str) -> str:
    """The folder of a package; `importlib.resources` would take longer to import than all scripts to be read."""
    return str(importlib.import_module(package).__path__[0])
