"""The number of the format in which programs write to a Redis: an older program that meets a newer format must not go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtui_workers.server import keys
from qtui_workers.server.replies import is_wrong_type
from qtui_workers.server.rq_format import parse_int

if TYPE_CHECKING:
    import redis


def check_format(client: redis.Redis) -> None:
    """Raises redis.ResponseError where newer programs write to this Redis, in a format that this one does not know.

    Where the number cannot be read, it is taken for none: scripts check it too (`qtui_workers/lua/format.lua`).
    """
    from redis.exceptions import NoPermissionError, ResponseError

    try:
        check_noted(client.get(keys.FORMAT))
    except NoPermissionError:
        return
    except ResponseError as error:
        if not is_wrong_type(error):
            raise


def check_noted(noted: bytes | str | None) -> None:
    """The same for the content of `keys.FORMAT`."""
    if (parse_int(noted) or 0) > int(keys.KNOWN_FORMAT):
        from redis.exceptions import ResponseError

        from qtui_workers.server.redis_errors import NEWER_FORMAT

        raise ResponseError(NEWER_FORMAT)
