"""The server of the pictures: looking changes nothing in it, so one is enough for all."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import redis

from screenshots.make import gallery
from tests.styles import parse_once

parse_once()


@pytest.fixture(scope="package", autouse=True)
def _looks_are_cheap() -> Iterator[None]:
    """No picture shows how dear a look was on a busy machine: its top line would say how often the screen looks again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "thread_time", lambda: 0.0)
        yield


@pytest.fixture(scope="session")
def gallery_client() -> Iterator[redis.Redis]:
    """A client of a server that holds the keyspace of the pictures."""
    with gallery() as client:
        yield client
