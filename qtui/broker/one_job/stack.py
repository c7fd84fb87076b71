"""Asks the worker of a running job where the job's code is: its Python stack."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final
from uuid import uuid4

import redis

from qtui.broker import rows
from qtui.broker.status import Status
from qtui_workers.reporting.stack import COMMAND, StackAnswer
from qtui_workers.server import keys
from qtui_workers.text import decode, encode, printable

PATIENCE: Final = 6.0
"""Seconds that are waited for the answer: a worker answers after three, at the latest."""
AGAIN: Final = 2.0
"""Seconds after which it is worth asking once more: a job that is still in the same place then is stuck, or computes."""
_PAUSE: Final = 0.05


def ask(client: redis.Redis, job_id: str, *, stopped: threading.Event | None = None) -> StackAnswer:
    """The stack of a running job, or why it cannot be had; waits at most `PATIENCE` seconds, less where `stopped` is set.

    The worker writes it into the job's log too. Raises redis.RedisError.
    """
    (row,) = rows.named(client, [(job_id, "")])
    if row.status is None:
        return StackAnswer(None, row.problem or "the job has no status")
    if row.status is not Status.STARTED or not row.worker:
        return StackAnswer(None, f"it does not run: it is {row.status.value}")
    fields: Any = client.hmget(encode(keys.worker(row.worker)), ["hostname", "pid", keys.FIELD_HOLDER])
    host, pid, holder = fields
    name = printable(row.worker, 100)
    if holder is None and pid is None:
        return StackAnswer(None, f"its worker {name} has no record: it gives no sign of life")
    if holder is None:
        where = printable(decode(host) or "its machine", 100)
        dump = f"py-spy dump --pid {decode(pid)}" if decode(pid).isdigit() else "py-spy dump"
        return StackAnswer(
            None, f"{name} is no qtui-worker, and RQ's own workers cannot tell it: on {where}, {dump} --subprocesses"
        )
    request = uuid4().hex
    message = json.dumps({"command": COMMAND, "job_id": job_id, "request": request})
    if not client.publish(encode(keys.commands(row.worker)), message):
        return StackAnswer(None, f"{name} hears no commands")
    found = _await(client, request, stopped or threading.Event())
    return found or StackAnswer(
        None, f"{name} has not answered within {PATIENCE:g} s: it may be of an older version, or stuck itself"
    )


def ask_twice(client: redis.Redis, job_id: str, stopped: threading.Event | None = None) -> Iterator[StackAnswer]:
    """The stack now, and where there is one, once more `AGAIN` seconds later. Raises redis.RedisError."""
    stop = stopped or threading.Event()
    first = ask(client, job_id, stopped=stop)
    yield first
    if first.stack and not stop.wait(AGAIN):
        yield ask(client, job_id, stopped=stop)


def outcome(answers: Iterable[StackAnswer]) -> str:
    """How asking ended, for the audit."""
    return "reported" if any(answer.stack for answer in answers) else "not reported"


def _await(client: redis.Redis, request: str, stopped: threading.Event) -> StackAnswer | None:
    key, deadline, pause = keys.stack(request), time.monotonic() + PATIENCE, _PAUSE
    while time.monotonic() < deadline and not stopped.wait(pause):
        raw: Any = client.get(key)
        if raw is not None:
            return StackAnswer.unpacked(raw)
        pause = min(2 * pause, 0.4)
    return None
