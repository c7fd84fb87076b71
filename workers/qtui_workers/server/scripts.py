"""Lua scripts: put together from their files, and run by digest with named arguments.

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

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha1
from importlib.resources import files
from typing import Any, Final, Self
from weakref import WeakSet

import redis
from redis.client import Pipeline
from redis.exceptions import NoPermissionError, NoScriptError, ResponseError

from qtui_workers.server import rights
from qtui_workers.server.redis_errors import of_script
from qtui_workers.server.script_names import without_unused, written_out
from qtui_workers.text import encode

Argument = str | bytes | int | float

_HERE: Final = "qtui_workers"
_DECLARED: Final = re.compile(r"^-- (requires|arguments): *(.*)$", re.MULTILINE)
_NAME: Final = re.compile(r"[a-z][a-z_]*")

_without_read_only: WeakSet[redis.Redis] = WeakSet()
"""Clients of servers before 7.0, which do not have EVALSHA_RO."""


class Script:
    """One script. It is put together at its first use; every call raises redis.RedisError as any command does."""

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
    def _names(self) -> frozenset[str]:
        return frozenset(self.arguments)

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
        return sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    def values(self, *rest: Argument, **named: Argument) -> list[Argument]:
        """The arguments in the order of ARGV. Raises TypeError where the given names are not those that are declared."""
        if named.keys() != self._names:
            wrong = ", ".join(sorted(named.keys() ^ self._names))
            raise TypeError(f"{self._name}: these arguments are missing, or not declared: {wrong}")
        given = [named[name] for name in self.arguments]
        given += rest
        return [encode(value) if isinstance(value, str) else value for value in given]

    def run(self, client: redis.Redis, /, *rest: Argument, **named: Argument) -> Any:
        """Runs it, and returns what it returns; one round trip once the server knows it."""
        given = self.values(*rest, **named)
        with self.plain_errors(client):
            try:
                return client.evalsha(self.digest, 0, *given)
            except NoScriptError:
                return client.eval(self.text, 0, *given)

    def read(self, client: redis.Redis, /, *rest: Argument, **named: Argument) -> Any:
        """The same as `run` for a script that only reads: the server itself refuses every write (EVALSHA_RO, from 7.0 on)."""
        if client in _without_read_only:
            return self.run(client, *rest, **named)
        given = self.values(*rest, **named)
        try:
            with self.plain_errors(client):
                return self._read(client, given)
        except ResponseError as error:
            if "unknown command" not in str(error).lower():
                raise
            _without_read_only.add(client)
            return self.run(client, *rest, **named)

    def verb(self, client: redis.Redis, *, writes: bool) -> str:
        """The command that runs it by its digest, for callers that send commands themselves; `read` finds out which there is."""
        return "EVALSHA" if writes or client in _without_read_only else "EVALSHA_RO"

    def read_many(
        self,
        client: redis.Redis,
        calls: Sequence[dict[str, Argument]],
        rest: Sequence[Sequence[Argument]] = (),
        beside: Callable[[Pipeline], object] = lambda _pipe: None,
    ) -> list[Any]:
        """`read` for several sets of named arguments, and for the positional ones of each, in one round trip.

        `beside` adds other commands to that round trip; their replies come after those of the script, errors among them.
        """
        given = [self.values(*each, **named) for named, each in zip(calls, rest or [()] * len(calls), strict=True)]
        replies = self._read_all(client, given, beside)
        if any(isinstance(reply, ResponseError) for reply in replies[: len(given)]):
            # the server may have to be sent the script, or may not know EVALSHA_RO
            self.read(client, *(rest[0] if rest else ()), **calls[0])
            replies = self._read_all(client, given, beside)
        for reply in replies[: len(given)]:
            if isinstance(reply, Exception):
                with self.plain_errors(client):
                    raise reply
        return replies

    def _read_all(self, client: redis.Redis, given: list[list[Argument]], beside: Callable[[Pipeline], object]) -> list[Any]:
        with client.pipeline(transaction=False) as pipe:
            for values in given:
                evalsha = pipe.evalsha if client in _without_read_only else pipe.evalsha_ro
                evalsha(self.digest, 0, *values)
            beside(pipe)
            return pipe.execute(raise_on_error=False)

    @cached_property
    def commands(self) -> frozenset[str]:
        """The words in it that may be names of commands, in lower case."""
        return frozenset(name.lower() for name in re.findall(r"'([A-Z]{3,})'", self.text))

    @contextmanager
    def plain_errors(self, client: redis.Redis) -> Iterator[None]:
        """Raises the errors of scripts as those of commands."""
        try:
            yield
        except NoScriptError:
            raise
        except ResponseError as error:
            plain = of_script(error)
            if isinstance(plain, NoPermissionError):
                plain = rights.named(client, self.commands, plain)
            raise plain from error.__cause__

    def _read(self, client: redis.Redis, given: list[Argument]) -> Any:
        try:
            return client.evalsha_ro(self.digest, 0, *given)
        except NoScriptError:
            return client.eval_ro(self.text, 0, *given)


@dataclass(frozen=True, slots=True)
class Part:
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
        file = files(place) / "lua" / f"{name}.lua"
        if file.is_file():
            return Part(name, file.read_text("utf-8"))
    beginning = f"{wanted_by} requires '{name}', but there" if wanted_by else "there"
    raise ValueError(f"{beginning} is no lua/{name}.lua in {' or '.join(dict.fromkeys((package, _HERE)))}")
