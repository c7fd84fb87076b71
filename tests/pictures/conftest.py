"""The server of the pictures: looking changes nothing in it, so one is enough for all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from screenshots.make import gallery
from tests.styles import parse_once

parse_once()


@pytest.fixture(scope="session")
def gallery_client() -> Iterator[redis.Redis]:
    """A client of a server that holds the keyspace of the pictures."""
    with gallery() as client:
        yield client
