"""What every Python process of the run does first: our worker takes the place of RQ's, a server of ours that of port 6379."""

from __future__ import annotations

import os
from typing import Any

import redis.connection
import rq.worker
import rq.worker_pool

from qtui_workers.engine.job import Policy
from qtui_workers.engine.worker import Worker

_connect = redis.connection.Connection._connect


def _connect_to_ours(self: Any) -> Any:
    if self.port == 6379 and self.host in ("localhost", "127.0.0.1"):
        self.host, self.port = "127.0.0.1", int(os.environ["SUITE_PORT"])
    return _connect(self)


redis.connection.Connection._connect = _connect_to_ours


class Everything(Policy):
    """Runs and unpickles whatever is enqueued, as RQ's worker does."""

    def allows(self, path: str) -> bool:
        return True


class Ours(Worker):
    policy = Everything(allow_pickle=True)


class OursInProcess(Ours):
    in_process = True


def _swap(stock: type, ours: type) -> None:
    for module in (rq, rq.worker, rq.worker_pool):
        if getattr(module, stock.__name__, None) is stock:
            setattr(module, stock.__name__, ours)
    for function in (rq.worker_pool.WorkerPool.__init__, rq.worker_pool.run_worker):
        function.__defaults__ = tuple(ours if one is stock else one for one in function.__defaults__)


if not os.environ["SUITE_STOCK"]:
    _swap(rq.worker.Worker, Ours)
    _swap(rq.worker.SimpleWorker, OursInProcess)
