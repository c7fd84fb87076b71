"""The commands that can be sent to a worker, of RQ's or of ours: one table, from which keys and the command line derive."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

import redis

from qtui.broker.models import WorkerRow
from qtui_workers.server import keys
from qtui_workers.text import encode


@dataclass(frozen=True, slots=True)
class WorkerCommand:
    """One command (`rq.command`)."""

    name: str
    """As RQ names it and as it is typed."""
    title: str
    key: str | None
    """None: it has no key, as it is rarely wanted."""
    hint: str
    needs_job: bool
    """It is about the job that the worker runs; without one there is nothing to do."""


COMMANDS: Final[dict[str, WorkerCommand]] = {
    command.name: command
    for command in (
        WorkerCommand("stop-job", "Stop job", "S", "It ends the job that it runs; a stopped job can be retried", needs_job=True),
        WorkerCommand("shutdown", "Shut down", "X", "It takes no more jobs, and leaves after the one it runs", needs_job=False),
        WorkerCommand(
            "kill-horse", "Kill horse", None, "It kills the process of its job, which fails or is retried", needs_job=True
        ),
    )
}
"""Every command by its name."""


def hindrance(worker: WorkerRow, command: WorkerCommand) -> str | None:
    """Why the worker would not do it, as far as its record shows; None where it would."""
    if worker.stale:
        return "it has fallen silent"
    return "it runs no job" if command.needs_job and not worker.current_job else None


def send(client: redis.Redis, worker: WorkerRow, command: WorkerCommand) -> str | None:
    """Sends it, as `rq.command.send_command` does; returns why it was not sent or received, None where the worker received it.

    `stop-job` names the job that the worker was seen to run: where it has begun another one, that one goes on. Raises
    redis.RedisError as any command does.
    """
    if reason := hindrance(worker, command):
        return reason
    message = {"command": command.name} | ({"job_id": worker.current_job} if command.needs_job else {})
    receivers = client.publish(encode(keys.commands(worker.name)), json.dumps(message))
    return None if receivers else "it hears no commands"
