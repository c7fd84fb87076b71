"""What a reply of Redis means that may be an error in its place; light to import, as looking needs no more where all is well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def is_wrong_type(error: Exception) -> bool:
    """Whether a command failed because its key holds another type than it is for."""
    return str(error).startswith("WRONGTYPE")


def reply_of(reply: Any) -> Any:
    """A reply of a pipeline (`execute(raise_on_error=False)`); None where the key has the wrong type.

    Raises any other error that is in the reply's place: what a user may not read must not count as nothing or zero.
    """
    if not isinstance(reply, Exception):
        return reply
    if is_wrong_type(reply):
        return None
    raise reply


def unless_wrong_type(command: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """The reply to a command of a client; None where its key has the wrong type. Raises any other error."""
    try:
        return command(*given, **named)
    except Exception as error:  # not of redis-py's class: this may be called before redis-py is loaded
        if not is_wrong_type(error):
            raise
        return None


def unless_refused(reply: Any) -> Any:
    """A reply; None where the server has refused this command. Raises any other error that is in the reply's place."""
    if not isinstance(reply, Exception):
        return reply
    from redis.exceptions import ResponseError  # it is loaded where there is such an error

    from qtui_workers.server.redis_errors import is_away

    if not isinstance(reply, ResponseError) or is_away(reply):
        raise reply
    return None
