"""Joining the embedded server at the wrong moment."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import redis

from qtui_workers.server import embedded_keeper
from qtui_workers.server.embedded import join
from tests.support import wait_until


def test_a_keeper_that_dies_while_somebody_joins_is_replaced(short_path: Path) -> None:
    """As one that was killed and still holds its lock, because its machine is busy."""
    held = embedded_keeper.lock(short_path, embedded_keeper.KEEPER_LOCK, fcntl.LOCK_EX)

    def die() -> None:
        wait_until((short_path / embedded_keeper.USERS_LOCK).exists, description="somebody joins")
        os.close(held)

    dying = threading.Thread(target=die)
    dying.start()
    with join(short_path, grace=0.1) as joined, redis.Redis(unix_socket_path=str(joined.socket)) as client:
        assert client.ping()
    dying.join()
