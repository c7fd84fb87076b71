"""Fixtures of these tests."""

from __future__ import annotations

import pytest
import redis
from rq import Queue


@pytest.fixture
def queue(client: redis.Redis) -> Queue:
    return Queue("default", connection=client)
