"""Lua scripts, run by digest with named arguments; `server.script_text` says how they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

import redis
from redis.client import Pipeline
from redis.exceptions import NoPermissionError, NoScriptError, ResponseError

from qtui_workers.server import rights
from qtui_workers.server.redis_errors import of_script
from qtui_workers.server.script_text import Argument, ScriptText

__all__ = ["Argument", "Script"]

_without_read_only: WeakSet[redis.Redis] = WeakSet()
"""Clients of servers before 7.0, which do not have EVALSHA_RO."""


class Script(ScriptText):
    """A script that can be run; every call raises redis.RedisError as any command does."""

    def run(self, client: redis.Redis, /, *rest: Argument, **named: Argument) -> Any:
        """Runs it, and returns what it returns; one round trip once the server knows it."""
        given = self.values(*rest, **named)
        try:
            return client.evalsha(self.digest, 0, *given)
        except NoScriptError:
            with self.plain_errors(client):
                return client.eval(self.text, 0, *given)
        except ResponseError as error:
            raise self._plain(client, error) from error.__cause__

    def require_rights(self, client: redis.Redis) -> None:
        """Raises redis.exceptions.NoPermissionError if the server would refuse it a command half way; one round trip."""
        rights.require(client, self.commands)

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

    @contextmanager
    def plain_errors(self, client: redis.Redis) -> Iterator[None]:
        """Raises the errors of scripts as those of commands."""
        try:
            yield
        except NoScriptError:
            raise
        except ResponseError as error:
            raise self._plain(client, error) from error.__cause__

    def _plain(self, client: redis.Redis, error: ResponseError) -> redis.RedisError:
        plain = of_script(error)
        return rights.named(client, self.commands, plain) if isinstance(plain, NoPermissionError) else plain

    def _read(self, client: redis.Redis, given: list[Argument]) -> Any:
        try:
            return client.evalsha_ro(self.digest, 0, *given)
        except NoScriptError:
            return client.eval_ro(self.text, 0, *given)
