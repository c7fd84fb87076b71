"""Lua scripts: read from their files once, put together from fragments, run by their digest."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1
from importlib.resources import files
from typing import Any, Final

import redis
from redis.exceptions import NoScriptError

from qtui_workers.server.keys import OURS, PREFIX

Argument = str | bytes | int | float


def _quoted(text: str) -> str:
    """The text as a Lua string, whatever its bytes."""
    return '"' + "".join(f"\\{byte:03}" for byte in text.encode("utf-8", "surrogateescape")) + '"'


_PREFIXES: Final = f"local RQ, OURS = {_quoted(PREFIX)}, {_quoted(OURS)}\n"


def fragment(name: str) -> str:
    """The text of `qtui_workers/lua/NAME.lua`, to be put into a script before what uses it."""
    return (files("qtui_workers") / "lua" / f"{name}.lua").read_text("utf-8")


class Script:
    """One script out of some texts, one after the other; `RQ` and `OURS` in them are the prefixes of RQ's keys and of ours."""

    def __init__(self, *texts: str) -> None:
        self.text = _PREFIXES + "\n".join(texts)
        self.digest = sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    @classmethod
    def of(cls, *names: str) -> Script:
        """The script out of the fragments of these names."""
        return cls(*map(fragment, names))

    def __call__(self, client: redis.Redis, keys: Sequence[Argument] = (), arguments: Sequence[Argument] = ()) -> Any:
        """What the script gives back; one round trip once the server knows it.

        Raises redis.RedisError as any command does.
        """
        given = [*map(_encoded, keys), *map(_encoded, arguments)]
        try:
            return client.evalsha(self.digest, len(keys), *given)
        except NoScriptError:
            return client.eval(self.text, len(keys), *given)


def _encoded(argument: Argument) -> Argument:
    """Text as it was in Redis, the way back from `qtui_workers.text.decode`: hiredis by itself encodes strictly."""
    return argument.encode("utf-8", "surrogateescape") if isinstance(argument, str) else argument
