"""The start of workers as their command wants them: what they need is loaded, checked and connected before they run."""

from __future__ import annotations

import atexit
import gc
import logging
import signal
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import redis

from qtui_workers.define.declared_processors import read_declared_processors
from qtui_workers.define.discovery import import_bundled
from qtui_workers.engine.job import Policy
from qtui_workers.engine.pool import Pool
from qtui_workers.engine.worker import Worker
from qtui_workers.errors import InvalidInput, RedisUnavailable
from qtui_workers.naming import default_queues
from qtui_workers.records import Record
from qtui_workers.reporting.worker_logs import LogFormat, log_to_stderr
from qtui_workers.server.address import Target
from qtui_workers.server.connection import WORKER, dial, open_client, speaks_resp2
from qtui_workers.server.redis_errors import is_refused_write
from qtui_workers.server.rights import WORKING
from qtui_workers.services.settings import TOPICS

if TYPE_CHECKING:
    from qtui_workers.engine.health import Health
    from qtui_workers.engine.pulse import Pulse

log = logging.getLogger(__name__)

ROLE: Final = "qtui-worker"
_LONGEST_WAIT: Final = 30.0
_FINAL: Final = (redis.AuthenticationError, redis.ResponseError)
"""Errors with which a server refuses us: waiting does not help, except where it `is_refused_write`."""


class StartOptions(Record):
    """What was requested; the names are those of the options of `qtui-worker`."""

    queues: Sequence[str]
    """Empty: those of all processors."""
    target: Target
    burst: bool
    name: str | None
    allow: Sequence[str]
    allow_pickle: bool
    concurrency: int
    shutdown_timeout: float
    in_process: bool
    max_jobs: int | None
    max_memory: int | None
    """In bytes."""
    lease: float
    cron: bool
    refuse_after: float
    health_port: str | None
    log_format: LogFormat


def start(options: StartOptions) -> int:
    """Works until a stop is requested; returns the exit code.

    Raises InvalidInput where a module of processors cannot be imported or an address is none, and as a worker does.
    """
    found = read_declared_processors()
    for module, reason in found.broken.items():
        raise InvalidInput(f"{module} could not be imported ({reason}): correct it, or remove it from QTUI_PROCESSORS")
    queues = list(options.queues) or default_queues(processor.queue for processor in found.processors)
    health = _health(options.health_port) if options.health_port is not None else None
    log_to_stderr(options.log_format)
    _warn_of_bad_settings()
    if health:
        health.serve()
        atexit.register(health.close)
    gc.enable()
    gc.freeze()  # what is loaded stays, and the processes that are forked need not copy it only to look through it for garbage
    return (_run_one if options.concurrency == 1 else _run_many)(options, queues, health)


def _run_one(options: StartOptions, queues: list[str], health: Health | None) -> int:
    for number in (signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)  # there is no pool to resize; by themselves they would stop the process
    _work(options, queues, options.name, health.pulse(1) if health else None)
    return 0


def _run_many(options: StartOptions, queues: list[str], health: Health | None) -> int:
    def run(place: int, times: int) -> None:
        # A worker that replaces a dead one gets another name: the record of the dead one lasts a minute or two.
        name = options.name and f"{options.name}-{place}" + (f".{times}" if times > 1 else "")
        _work(options, queues, name, health.pulse(place) if health else None)

    import_bundled()  # once, instead of in each of them
    _connected(options.target, patient=not options.burst).close()  # where it fails: one message, not one from each
    return Pool(options.concurrency, run, replace=not options.burst).run()


def _work(options: StartOptions, queues: list[str], name: str | None, pulse: Pulse | None) -> None:
    """Runs a worker in this process until a stop is requested, or in burst until the queues are empty."""
    Worker(
        queues,
        connection=_connected(options.target, patient=not options.burst),
        name=name,
        policy=Policy(tuple(options.allow), options.allow_pickle),
        lease=options.lease,
        shutdown_timeout=options.shutdown_timeout,
        in_process=options.in_process,
        recycle_jobs=options.max_jobs,
        recycle_memory=options.max_memory,
        cron=options.cron,
        refuse_after=options.refuse_after,
        pulse=pulse,
    ).run(burst=options.burst)


def _health(address: str) -> Health:
    """Listens there; imported only where it is wanted."""
    from qtui_workers.engine.health import Health

    return Health(address)


def _warn_of_bad_settings() -> None:
    """Logs a warning for each bad variable of the bundled processors; only the jobs that need it will fail."""
    for topic in TOPICS:
        try:
            topic.read()
        except InvalidInput as error:
            log.warning("%s. Jobs that need it will fail.", error)


def _connected(target: Target, *, patient: bool) -> redis.Redis:
    """A client; where `patient`, it waits for a server that is away, but not for one that refuses the worker."""
    wait = 0.5
    reported = ""
    while True:
        try:
            with dial(target, role=ROLE, needs=WORKING.needed) as dialed:
                return open_client(target, role=ROLE, patience=WORKER, resp2=speaks_resp2(dialed))
        except RedisUnavailable as error:
            if not patient or (isinstance(error.__cause__, _FINAL) and not is_refused_write(error.__cause__)):
                raise
            if str(error) != reported:
                log.warning("%s Waiting for it.", error)
                reported = str(error)
        time.sleep(wait)
        wait = min(wait * 2, _LONGEST_WAIT)
