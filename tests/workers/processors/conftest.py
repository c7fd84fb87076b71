"""Fixtures of the processors' tests: none of them sees what the person's environment says about mail, databases and builds."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import redis

from qtui_workers.enqueue.queue_service import QueueService
from tests.workers.processors.site import Site


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith(("SMTP_", "DATABASE_URL", "WEBHOOK_", "FETCH_", "BUILD_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def service(client: redis.Redis) -> QueueService:
    return QueueService(client)


@pytest.fixture
def site() -> Iterator[Site]:
    """An HTTP server that keeps what it is asked."""
    with Site() as site:
        yield site
