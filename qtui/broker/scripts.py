"""The Lua scripts of the core: read from their files once, run by their digest."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1
from importlib.resources import files
from typing import Any
from weakref import WeakSet

import redis
from redis.exceptions import NoScriptError, ResponseError

Argument = str | bytes | int | float


def encode(text: str) -> bytes:
    """Text as it was in Redis: the way back from `qtui_workers.text.decode`.

    Every key and id that may not be UTF-8 passes through here, because hiredis encodes texts strictly whatever the
    client's encoding_errors.
    """
    return text.encode("utf-8", "surrogateescape")


def _encoded(arguments: Sequence[Argument]) -> list[Argument]:
    return [encode(argument) if isinstance(argument, str) else argument for argument in arguments]


_without_read_only: WeakSet[redis.Redis] = WeakSet()
"""Clients of servers before 7.0, which know no EVALSHA_RO."""


class Script:
    """One script: the text of some files of `qtui/broker/lua`, one after the other."""

    def __init__(self, *names: str) -> None:
        folder = files("qtui.broker") / "lua"
        self.text = "\n".join((folder / f"{name}.lua").read_text("utf-8") for name in names)
        self.digest = sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    def run(self, client: redis.Redis, keys: list[str], arguments: list[Argument]) -> Any:
        """What the script gives back; one round trip once the server knows it.

        Raises redis.RedisError as any command does.
        """
        try:
            return client.evalsha(self.digest, len(keys), *_encoded(keys), *_encoded(arguments))
        except NoScriptError:
            return client.eval(self.text, len(keys), *_encoded(keys), *_encoded(arguments))

    def look(self, client: redis.Redis, keys: list[str], arguments: list[Argument]) -> Any:
        """The same for a script that only reads: the server itself refuses every write (EVALSHA_RO, from 7.0 on)."""
        if client in _without_read_only:
            return self.run(client, keys, arguments)
        try:
            return self._look(client, keys, arguments)
        except ResponseError as error:
            if "unknown command" not in str(error).lower():
                raise
            _without_read_only.add(client)
            return self.run(client, keys, arguments)

    def _look(self, client: redis.Redis, keys: list[str], arguments: list[Argument]) -> Any:
        try:
            return client.evalsha_ro(self.digest, len(keys), *_encoded(keys), *_encoded(arguments))
        except NoScriptError:
            return client.eval_ro(self.text, len(keys), *_encoded(keys), *_encoded(arguments))

    def look_all(self, client: redis.Redis, calls: list[tuple[list[str], list[Argument]]]) -> list[Any]:
        """`look` for several sets of keys and arguments, all but the first in one round trip."""
        if not calls:
            return []
        first = self.look(client, *calls[0])
        with client.pipeline(transaction=False) as pipe:
            for keys, arguments in calls[1:]:
                evalsha = pipe.evalsha if client in _without_read_only else pipe.evalsha_ro
                evalsha(self.digest, len(keys), *_encoded(keys), *_encoded(arguments))
            return [first, *pipe.execute()]
