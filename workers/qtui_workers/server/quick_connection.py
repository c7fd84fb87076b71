"""A connection for one look, which loads no client: the time to load redis-py is that of a hundred looks.

It knows a few plain addresses, and takes nothing but good replies. Whatever else it meets is `Unusual`: then the whole client
(`server.connection`) does the same once more, and says in a sentence what is wrong.
"""

from __future__ import annotations

import _socket

# `socket` itself takes 3 ms to import, a tenth of a whole look: it makes enums of all constants, and loads `selectors`.
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
        self._socket = _connected(found.place, patience)

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


def _connected(place: tuple[str, int] | str, patience: float) -> _socket.socket:
    """A socket that is connected; of several addresses to the first that takes it."""
    if isinstance(place, str):
        addresses: list[tuple[int, Any]] = [(_socket.AF_UNIX, place)]
    else:
        found = _socket.getaddrinfo(*place, type=_socket.SOCK_STREAM)
        addresses = [(family, address) for family, _, _, _, address in found]
    for number, (family, address) in enumerate(addresses, 1):
        connection = _socket.socket(family, _socket.SOCK_STREAM)
        connection.settimeout(patience)
        try:
            connection.connect(address)
        except OSError:
            connection.close()
            if number == len(addresses):
                raise
        else:
            return connection
    raise Unusual


def _greeting(found: Plain) -> Iterable[tuple[str | bytes | int, ...]]:
    if found.username or found.password:
        yield ("AUTH", *([found.username] if found.username else []), found.password)
    if found.database:
        yield ("SELECT", found.database)
