"""What a connection begins with: protocol and password, its name, its database, what is noted there; in one round trip."""

from __future__ import annotations

from typing import Any

import redis
from redis.exceptions import NoPermissionError

from qtui_workers.server import keys
from qtui_workers.server.format import check_noted
from qtui_workers.server.replies import is_wrong_type


class NoRESP3(redis.ResponseError):
    """HELLO was refused: by a server that does not have it, by an ACL, or by a proxy; each says it in its own words."""


class Greeting:
    """Greets the server on each connection of a pool (redis-py's `redis_connect_func`)."""

    def __init__(self) -> None:
        self._answered: Any = None
        self._noted: Any = None

    def __call__(self, connection: Any) -> None:
        """redis-py's own handshake, sent together with what comes after it; the name is left out where CLIENT is refused.

        Raises NoRESP3 where HELLO is refused, and what redis-py raises.
        """
        name, database = connection.client_name, connection.db
        after = [("CLIENT", "SETNAME", name), *([("SELECT", database)] if database else []), ("PING",), ("GET", keys.FORMAT)]
        waiting = list(after)

        def send(*command: Any, **_: Any) -> None:
            # Without the health check before HELLO: where it fails, it connects anew, and would greet in the midst of this.
            connection.send_packed_command(connection.pack_commands([command, *waiting]), check_health=False)
            waiting.clear()

        connection.client_name, connection.db, connection.handshake_metadata = None, 0, None
        connection.send_command = send
        try:
            connection.on_connect_check_health(check_health=False)
            if waiting:  # in RESP2 without a password redis-py says nothing
                connection.send_packed_command(connection.pack_commands(waiting), check_health=False)
            _, *selected, self._answered, self._noted = [_reply(connection) for _ in after]
            for refusal in selected:
                if isinstance(refusal, Exception):
                    raise refusal
        except redis.ResponseError as error:
            if connection.get_protocol() == 2 or connection.handshake_metadata:
                raise
            raise NoRESP3(str(error)) from error
        finally:
            connection.client_name, connection.db = name, database
            del connection.send_command

    def check(self) -> None:
        """Raises why the newest connection cannot be used: PING was refused, or newer programs write there (`server.format`).

        A server that cannot write to its disk refuses PING, but can be read. Where the number of the format cannot be read,
        because of a missing right or the type of its key, it is taken for none.
        """
        if isinstance(self._answered, Exception) and "MISCONF" not in str(self._answered):
            raise self._answered
        if not isinstance(self._noted, Exception):
            check_noted(self._noted)
        elif not isinstance(self._noted, NoPermissionError) and not is_wrong_type(self._noted):
            raise self._noted


class GreetingWithPrintedPassword(Greeting):
    """The same with a password that a program printed; where one that it printed earlier is refused, it is worth another try."""

    def __call__(self, connection: Any) -> None:
        """As that of `Greeting`, and redis.ConnectionError where another try may help."""
        refused: redis.AuthenticationError | None = None
        try:
            return super().__call__(connection)
        except redis.AuthenticationError as error:
            refused = error
        if not connection.credential_provider.forget():
            raise refused
        raise redis.ConnectionError("the password is no longer valid")


def _reply(connection: Any) -> Any:
    try:
        return connection.read_response()
    except redis.ResponseError as error:
        return error
