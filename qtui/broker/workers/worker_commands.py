"""The commands that can be sent to a worker, RQ's or ours: one table, from which keys and the command line derive."""

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
    """The name that RQ uses, and that is typed on the command line."""
    title: str
    key: str | None
    """The key in the dashboard; None for a command that is rarely needed."""
    hint: str
    needs_job: bool
    """Whether the command is about the job that the worker runs; it does nothing if the worker runs none."""


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
    """Why the worker would not carry out the command, as far as its record shows; None if it would."""
    if worker.stale:
        return "it has fallen silent"
    return "it runs no job" if command.needs_job and not worker.current_job else None


def send(client: redis.Redis, worker: WorkerRow, command: WorkerCommand) -> str | None:
    """Sends a command as `rq.command.send_command` does; returns why it was not sent or not received, None if it was received.

    `stop-job` names the job in `worker.current_job`: if the worker has begun another job by now, that job goes on. Raises
    redis.RedisError if the server fails.
    """
    if reason := hindrance(worker, command):
        return reason
    message = {"command": command.name} | ({"job_id": worker.current_job} if command.needs_job else {})
    receivers = client.publish(encode(keys.commands(worker.name)), json.dumps(message))
    return None if receivers else "it hears no commands"
