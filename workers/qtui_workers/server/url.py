"""The parts of a URL. Plain ones are taken apart here, others by `urllib.parse`, which takes 3 ms to import."""

from __future__ import annotations

import re
from typing import Final

from qtui_workers.records import Record

_PLAIN: Final = (
    r"(?P<scheme>[a-z]+)://(?:(?P<username>[^/?#@:]*)(?::(?P<password>[^/?#@]*))?@)?(?P<host>[a-z0-9._-]*)(?::(?P<port>[0-9]{1,4}))?"
    r"(?P<path>(?:/[^?#]*)?)(?:\?(?P<query>[^#]*))?"
)


class Parts(Record):
    """The parts, as they are written: percent-encoded."""

    HIDDEN = ("password",)
    scheme: str
    username: str = ""
    password: str = ""
    host: str = ""
    port: int | None = None
    path: str = ""
    query: str = ""
    fragment: str = ""


def split(url: str) -> Parts:
    """The parts of a URL; ValueError where the host or the port is not one."""
    if url.isascii() and (found := re.fullmatch(_PLAIN, url)):
        named = {name: text for name, text in found.groupdict().items() if text}
        return Parts(**{**named, "port": int(named["port"])} if "port" in named else named)
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    username, password, host = parts.username or "", parts.password or "", parts.hostname or ""
    return Parts(parts.scheme, username, password, host, parts.port, parts.path, parts.query, parts.fragment)


def decoded(text: str) -> str:
    """A part without percent-encoding."""
    if "%" not in text:
        return text
    from urllib.parse import unquote

    return unquote(text)


def pairs(query: str) -> dict[str, str]:
    """The names and values of a query; of a name that is there twice, the last value."""
    if not query:
        return {}
    from urllib.parse import parse_qsl

    return dict(parse_qsl(query, keep_blank_values=True))
