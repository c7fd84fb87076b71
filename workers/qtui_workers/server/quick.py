"""A connection for one look, which loads no client: the time to load redis-py is that of a hundred looks.

It knows a few plain addresses, and takes nothing but good replies. Whatever else it meets is `Unusual`: then the whole client
(`server.connection`) does the same once more, and says in a sentence what is wrong.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from typing import Any, Final, Self

from qtui_workers.server.address import Plain, Target, plain

PATIENCE: Final = 0.5
"""Seconds for the connection and for each reply; what takes longer is left to the whole client, which is more patient."""
_MOST: Final = 1 << 16


class Unusual(Exception):
    """Something that only the whole client can do, or can say what is wrong."""


class QuickConnection:
    """A connection to a plain address. Every call raises Unusual or OSError where it is not answered as expected."""

    def __init__(self, target: Target, patience: float = PATIENCE) -> None:
        """Connects; Unusual where the address needs more than a socket, a password and a number of a database."""
        found = plain(target)
        try:
            import hiredis
        except ImportError:
            found = None
        if found is None:
            raise Unusual
        self._pack = hiredis.pack_command
        self._reader = hiredis.Reader()
        self._greeting = list(_greeting(found))
        if isinstance(found.place, str):
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(patience)
            self._socket.connect(found.place)
        else:
            self._socket = socket.create_connection(found.place, timeout=patience)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, commands: Iterable[Sequence[Any]]) -> list[Any]:
        """The replies to these commands, in one round trip; the first ones greet the server too."""
        asked, greeting = [*self._greeting, *commands], len(self._greeting)
        self._greeting = []
        self._socket.sendall(b"".join(self._pack(tuple(command)) for command in asked))
        return [self._reply() for _ in asked][greeting:]

    def _reply(self) -> Any:
        while (reply := self._reader.gets()) is False:
            if not (received := self._socket.recv(_MOST)):
                raise Unusual
            self._reader.feed(received)
        if isinstance(reply, Exception):
            raise Unusual(str(reply))
        return reply


def _greeting(found: Plain) -> Iterable[tuple[str | bytes | int, ...]]:
    if found.username or found.password:
        yield ("AUTH", *([found.username] if found.username else []), found.password)
    if found.database:
        yield ("SELECT", found.database)
