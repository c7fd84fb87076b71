"""URLs are taken apart as `urllib.parse` does it."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from qtui_workers.server.url import decoded, pairs, split

URLS = (
    "redis://localhost:6379/0",
    "redis://Host.Example:6379/0",
    "redis://h",
    "redis://h:/1",
    "redis://:p%40ss@h:1/2?db=3&x=",
    "redis://user:pa:ss@h",
    "redis://user@h",
    "redis://u:p@q@h/0",
    "redis://[::1]:6379/0",
    "redis://h:65535",
    "redis://a_b.c-d:80#x",
    "unix:///run/redis.sock?db=1",
    "unix://u:p@/run/redis.sock",
    "redis://häuser/1",
    "redis:///1",
)


@pytest.mark.parametrize("url", URLS)
def test_the_parts_are_those_of_the_standard_library(url: str) -> None:
    ours, theirs = split(url), urlsplit(url)
    assert (ours.scheme, ours.path, ours.query, ours.fragment) == (theirs.scheme, theirs.path, theirs.query, theirs.fragment)
    assert (ours.username, ours.password) == (theirs.username or "", theirs.password or "")
    assert (ours.host, ours.port) == (theirs.hostname or "", theirs.port)
    assert pairs(ours.query) == dict(parse_qsl(theirs.query, keep_blank_values=True))
    assert decoded(ours.password) == unquote(theirs.password or "")


@pytest.mark.parametrize("url", ["redis://h:99999", "redis://h:x", "redis://[::1", "redis://[x]/0"])
def test_what_is_no_host_or_port_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        split(url)


def test_a_password_is_not_printed() -> None:
    assert "secret" not in repr(split("redis://u:secret@h"))
