"""Every key name is the one that RQ itself uses."""

from __future__ import annotations

from typing import Any

import redis
from rq import Queue, SimpleWorker
from rq.command import PUBSUB_CHANNEL_TEMPLATE
from rq.executions import ExecutionRegistry
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job
from rq.rate_limit import RateLimitRegistry
from rq.registry import (
    CanceledJobRegistry,
    DeferredJobRegistry,
    FailedJobRegistry,
    FinishedJobRegistry,
    ReadyJobRegistry,
    ScheduledJobRegistry,
    StartedJobRegistry,
)
from rq.results import Result
from rq.suspension import WORKERS_SUSPENDED
from rq.worker_registration import REDIS_WORKER_KEYS

from qtui_workers.server import keys

REGISTRIES = {
    "wip": StartedJobRegistry,
    "finished": FinishedJobRegistry,
    "failed": FailedJobRegistry,
    "deferred": DeferredJobRegistry,
    "ready": ReadyJobRegistry,
    "scheduled": ScheduledJobRegistry,
    "canceled": CanceledJobRegistry,
}


def test_registries_are_those_of_rq() -> None:
    for kind, registry in REGISTRIES.items():
        assert keys.registry(kind, "a b") == registry.key_template.format("a b")


def test_queues_are_those_of_rq() -> None:
    assert Queue.redis_queues_keys == keys.QUEUES
    assert keys.queue("q") == Queue.redis_queue_namespace_prefix + "q"
    assert keys.intermediate("q") == IntermediateQueue.get_intermediate_queue_key(keys.queue("q"))


def test_jobs_are_those_of_rq() -> None:
    nobody: Any = object()  # no server is asked
    job = Job("j", connection=nobody)
    assert keys.job("j") == job.key
    assert keys.dependents("j") == job.dependents_key
    assert keys.dependencies("j") == job.dependencies_key
    assert keys.results("j") == Result.get_key("j")
    assert keys.executions("j") == ExecutionRegistry.key_template.format("j")


def test_workers_are_those_of_rq() -> None:
    assert keys.WORKERS == REDIS_WORKER_KEYS
    assert SimpleWorker.redis_worker_namespace_prefix == keys.WORKER_PREFIX
    assert keys.SUSPENDED == WORKERS_SUSPENDED
    assert keys.commands("w") == PUBSUB_CHANNEL_TEMPLATE % "w"


def test_rate_limits_are_those_of_rq() -> None:
    assert RateLimitRegistry.rl_keys_key == keys.RATE_LIMIT_KEYS
    with redis.Redis() as nobody:  # opens no connection
        assert keys.rate_limited("k") == RateLimitRegistry("k", nobody).rate_limited_key
