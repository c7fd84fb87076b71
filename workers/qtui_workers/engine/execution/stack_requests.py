"""Answers requests for the place where the code of a running job is: in the job's log, and to who sent the request."""

from __future__ import annotations

import json
import linecache
import logging
import math
import os
import re
import select
import threading
import time
from contextlib import suppress
from typing import Any, Final, Protocol

import redis

from qtui_workers.engine.claim import Claim
from qtui_workers.engine.commands import Commands
from qtui_workers.engine.process.stack_file import StackFile
from qtui_workers.reporting.recorder import KEPT_WHILE_RUNNING
from qtui_workers.reporting.redaction import redacted
from qtui_workers.reporting.stack import COMMAND, KEPT, LEVEL, How, Stack, StackAnswer
from qtui_workers.server.scripts import Script
from qtui_workers.text import printable

log = logging.getLogger("rq.worker")

_LOOK_EVERY: Final = 0.03
"""Seconds between two looks at what has been written."""
_SIGNAL_AFTER: Final = 1.0
"""Seconds after which a process that has written nothing is sent the signal …"""
_GIVE_UP_AFTER: Final = 3.0
"""… and after which nothing more is expected."""
_MOST_REQUESTS: Final = 20
_MOST_LINES: Final = 300
_CAP: Final = 1_000
_PAUSE: Final = 5.0
"""Seconds between two tries to subscribe."""
_REQUEST: Final = re.compile(r"[0-9a-f]{32}")
_SCRIPT: Final = Script.load("stack")

NOT_HERE: Final = "its worker does not run it any more"
SILENT: Final = "its process did not answer: it may be stopped, or the job may have closed all its files"


class Process(Protocol):
    """The process that runs a job, as `engine.execution.horse.Horse`."""

    pid: int
    stacks: StackFile

    def ask_stack(self) -> None:
        """Asks it for its stack."""
        ...

    def force_stack(self) -> bool:
        """The same with the signal; whether it could be sent."""
        ...


class StackRequests:
    """The requests that a worker has received, answered while it waits for its horse: nothing here waits."""

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection
        self._waiting: list[tuple[str, str]] = []
        """Job and request of each."""
        self._asked_for: str | None = None
        """The execution for which the process was last requested to write its stack; None: every request has its answer."""
        self._asked_at = 0.0
        self._how: How = "python"
        self._size = 0

    def hear(self, message: Any) -> bool:
        """Takes a message of the worker's channel; returns whether it is such a request."""
        found = _request(message)
        if found and len(self._waiting) < _MOST_REQUESTS:
            self._waiting.append(found)
        return found is not None

    def advance(self, claim: Claim, process: Process) -> float:
        """Does what is due for the running job; returns when it is to be called again (time.monotonic)."""
        if not self._waiting:
            return math.inf
        if any(job != claim.id for job, _ in self._waiting):
            self._answer([each for each in self._waiting if each[0] != claim.id], StackAnswer(None, NOT_HERE))
        if self._waiting and (found := self._outcome(claim.execution, process)):
            self._answer(self._waiting, found)
            self._asked_for = None
        return time.monotonic() + _LOOK_EVERY if self._waiting else math.inf

    def _outcome(self, execution: str, process: Process) -> StackAnswer | None:
        """What is to be answered; None: not yet."""
        moment = time.monotonic()
        if self._asked_for != execution:
            self._asked_for, self._asked_at, self._how, self._size = execution, moment, "python", 0
            process.stacks.clear()
            process.ask_stack()
            return None
        before, self._size = self._size, process.stacks.size()
        waited = moment - self._asked_at
        if self._size and self._size == before:
            return StackAnswer(stack_of(process.stacks, process.pid, self._how), "")
        if waited > _GIVE_UP_AFTER:
            return StackAnswer(None, SILENT)
        if waited > _SIGNAL_AFTER and not self._size and self._how == "python" and process.force_stack():
            self._how = "signal"
        return None

    def _answer(self, requests: list[tuple[str, str]], answer: StackAnswer) -> None:
        self._waiting = [each for each in self._waiting if each not in requests]
        send(self._connection, requests[0][0], [request for _, request in requests], answer)


class InProcessStacks:
    """The same for a worker that runs jobs in its own process, and hears no command meanwhile: a thread that listens too."""

    def __init__(self, connection: redis.Redis, commands: Commands) -> None:
        """`commands`: a subscription of its own."""
        self._connection = connection
        self._commands = commands
        self._job: str | None = None
        self._thread: threading.Thread | None = None

    def begin(self, claim: Claim) -> None:
        """Called before a job runs; the thread starts with the first one."""
        self._job = claim.id
        if self._thread is None:
            with suppress(redis.RedisError, OSError):
                self._commands.subscribe(self._reply)  # here, so that nobody asks before
            self._thread = threading.Thread(target=self._listen, name="answers for the job", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Called when it has ended."""
        self._job = None

    def _listen(self) -> None:
        while True:
            with suppress(redis.RedisError, OSError, ValueError):
                if not self._commands.subscribed:
                    self._commands.subscribe(self._reply)
                while heard := self._commands.socket():
                    select.select([heard], [], [])
                    self._commands.receive()
            if self._commands.subscribed:  # that is: it may not subscribe
                return
            time.sleep(_PAUSE)

    def _reply(self, message: Any) -> None:
        found = _request(message)
        if found is None:
            return
        job, request = found
        if job != self._job:
            send(self._connection, job, [request], StackAnswer(None, NOT_HERE))
            return
        file = StackFile()
        try:
            file.write()
            send(self._connection, job, [request], StackAnswer(stack_of(file, os.getpid(), "python"), ""))
        finally:
            file.close()


def stack_of(file: StackFile, pid: int, how: How) -> Stack:
    """The stack that a process has written."""
    main = threading.main_thread().ident or 0  # a fork has that of the process that it was forked from
    found = Stack.from_dump(file.read(), at=time.time(), pid=pid, how=how, main=main, source=_source)
    linecache.clearcache()
    return found


def _source(file: str, line: int) -> str:
    return redacted(linecache.getline(file, line))


def send(connection: redis.Redis, job: str, requests: list[str], answer: StackAnswer) -> None:
    """Writes the answer, and the stack into the job's log; where Redis is away, the request stays without an answer."""
    lines = list(answer.stack.lines() if answer.stack else ())[:_MOST_LINES]
    try:
        _SCRIPT.run(
            connection,
            *lines,
            id=job,
            requests=" ".join(requests),
            answer=answer.packed(),
            kept=KEPT,
            level=LEVEL,
            cap=_CAP,
            ttl=KEPT_WHILE_RUNNING,
            at=f"{time.time():.3f}",
        )
    except (redis.RedisError, OSError) as error:
        log.warning("the stack of job %s could not be written: %s", printable(job), error)


def _request(message: Any) -> tuple[str, str] | None:
    """Job and request of a message; None where it is no such request."""
    data = message.get("data")
    if not isinstance(data, bytes) or COMMAND.encode() not in data:
        return None
    try:
        found = json.loads(data)
        job, request = found["job_id"], found["request"]
        is_request = found["command"] == COMMAND and isinstance(job, str) and bool(_REQUEST.fullmatch(request))
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    return (job, request) if is_request else None


def is_stack_request(message: Any) -> bool:
    """Whether a message of a worker's channel is a request for a stack."""
    return _request(message) is not None
