"""What the worker writes and reads in Redis about the jobs it takes: each step is one script."""

from __future__ import annotations

import select
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import redis
from redis.exceptions import NoScriptError

from qtui_workers.engine.claim import Claim, NoJob
from qtui_workers.engine.ending import Ending
from qtui_workers.engine.rq_adapter import open_socket
from qtui_workers.engine.worker_name import WorkerName
from qtui_workers.enqueue.holds import HeldClaim, holding
from qtui_workers.server import keys
from qtui_workers.server.connection import own_connection
from qtui_workers.server.redis_errors import of_script
from qtui_workers.server.rq_format import format_time
from qtui_workers.server.scripts import Argument, Script
from qtui_workers.text import decode

_STRANDED_AFTER: Final = 60

_STEP: Final = Script.load("step")
_BEAT: Final = Script.load("beat")
_QUIET: Final = Script.load("quiet")
_TIDY: Final = Script.load("tidy")
_STRANDED: Final = Script.load("stranded")


Outcome = Literal["done", "lost", "dependents"]
"""`lost`: the job is not ours any more; `dependents`: nothing is done, as other jobs wait for it: RQ's own code has to end it."""


@dataclass(frozen=True, slots=True)
class Step:
    """The result of ending one job and taking the next."""

    outcome: Outcome | None
    """The outcome of the ending; None where no job was to be ended."""
    found: Claim | NoJob


@dataclass(frozen=True, slots=True)
class Overdue:
    """A lease that was not renewed in time."""

    queue: str
    job_id: str
    execution: str
    score: str


@dataclass(frozen=True, slots=True)
class HeartbeatReply:
    """The answer to a heartbeat."""

    known: bool
    """Whether the worker is on record."""
    held: bool
    """Whether the worker still has its job; True where none runs."""
    overdue: tuple[Overdue, ...]
    stranded: tuple[str, ...]
    """Queues with entries between queue and start."""
    waits: bool = False
    """Whether jobs wait in the worker's queues; only known where none runs."""
    quiet: bool = False
    """Whether no job runs, of this worker or of others on its queues."""


class WorkerStore:
    """The record of one worker. Every method is one round trip, and raises redis.RedisError or OSError."""

    def __init__(self, connection: redis.Redis, worker: str, name: WorkerName, lease: int, limits: Mapping[str, str]) -> None:
        """`lease`: seconds of the leases on jobs; 0: as long as the job may take.

        `limits`: those that the processors declare, by queue (JSON).
        """
        self._connection = connection
        self._own_connection: Any = own_connection(connection)
        self._limits = limits
        self._worker = worker
        self._name = name
        self._lease = lease
        self.may_have_run = False
        """Whether the last step may have been carried out, although it raised an error: it was sent."""
        self._sent = ""
        """The execution that was sent last: where it is sent again, the script looks whether it has taken a job for it."""

    def step(
        self,
        ended: tuple[Claim, Ending] | None,
        execution: str | None,
        queues: Sequence[str],
        *,
        requested_at: float | None = None,
        forced: bool = False,
    ) -> Step:
        """Ends a job, then takes the next one, from the first queue that has one, as that execution (None: takes none).

        Both may be repeated with the same arguments: what was done before is not done again. `requested_at` is when
        this execution was first requested; `forced`: end the job also where other jobs wait for it.
        """
        begun = time.time()
        given = ended[1].arguments(ended[0], forced=forced) if ended else dict.fromkeys(_STEP.arguments, "")
        given |= self._common(begun)
        given["next"] = execution or ""
        outcome, what, *rest = self._run_step(given, self._places(queues))
        if what == b"nothing":
            wait, why, *held = rest
            nothing = NoJob(
                wait / 1e6 if wait else None,
                suspended=why == 1,
                paused=why == 2,
                newer=why == 3,
                held=tuple(map(decode, held[::2])),
                limits=tuple(map(decode, held[1::2])),
            )
            return Step(_outcome(outcome), nothing)
        job_id, queue, flat, dependents, limit, at, *holds = rest
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        claim = Claim(
            decode(job_id),
            decode(queue),
            execution or "",
            begun,
            fields,
            dependents,
            requested_at,
            decode(limit) or None,
            int(at),
            _held(holds, fields) if holds else None,
        )
        return Step(_outcome(outcome), claim)

    def close(self) -> None:
        """Ends the connection."""
        self._own_connection.disconnect()

    def _run_step(self, given: dict[str, Argument], places: Sequence[str] = ()) -> Any:
        """Runs the script on a connection of its own: a call through the client takes as long as a short job. Sets `again`."""
        self.may_have_run = False
        self._connect()
        self.may_have_run = True
        execution = str(given["next"])
        given["again"] = int(bool(execution) and execution == self._sent)
        values = _STEP.listed(given, places)
        self._sent = execution or self._sent
        try:
            return self._send("EVALSHA", _STEP.digest, values)
        except NoScriptError:
            return self._send("EVAL", _STEP.text, values)
        except (redis.ConnectionError, redis.TimeoutError):  # the connection may have been closed at this moment
            self._own_connection.disconnect()
            given["again"] = 1
            return self._send("EVALSHA", _STEP.digest, _STEP.listed(given, places))

    def _connect(self) -> None:
        """Connects where the connection is closed, also where the server has closed it while it was idle."""
        opened = open_socket(self._own_connection)
        if opened is not None and select.select([opened], [], [], 0)[0]:
            self._own_connection.disconnect()
            opened = None
        if opened is None:
            self._own_connection.connect()

    def _send(self, *command: Any) -> Any:
        name, script, given = command
        self._own_connection.send_command(name, script, 0, *given)
        try:
            return self._own_connection.read_response()
        except redis.ResponseError as error:
            raise of_script(error) from error.__cause__

    def _places(self, queues: Sequence[str]) -> list[str]:
        return [part for queue in queues for part in (queue, self._limits.get(queue, ""))]

    def end_job_of(self, worker: str, claim: Claim, ending: Ending) -> Outcome | None:
        """Ends a job of a worker that was lost; returns `lost` where another has done so, or the lost worker is back."""
        given = {**self._common(time.time()), "worker": worker, "ttl": 0, **ending.arguments(claim, forced=True), "next": ""}
        outcome, *_ = self._run_step(given)
        return _outcome(outcome)

    def beat(self, claim: Claim | None, state: str, queues: Sequence[str], memory: str = "- -") -> HeartbeatReply:
        """Sends the heartbeat of the worker and its job; without one, a short form where no other worker has one either.

        `memory` is what `keys.FIELD_MEMORY` holds.
        """
        waits = False
        if claim is None:
            known, waits, runs = _QUIET.run(self._connection, *queues, **self._record(time.time()), state=state, memory=memory)
            if not runs:
                return HeartbeatReply(bool(known), True, (), (), bool(waits), quiet=True)
        job_id, queue, execution = (claim.id, claim.queue, claim.execution) if claim else ("", "", "")
        common = self._common(time.time())
        known, held, overdue, stranded = _BEAT.run(
            self._connection, *queues, **common, state=state, memory=memory, id=job_id, queue=queue, execution=execution
        )
        return HeartbeatReply(
            bool(known), bool(held), tuple(_overdue(one) for one in overdue), tuple(map(decode, stranded)), bool(waits)
        )

    def tidy(self, kind: str, queue: str, job_id: str, keep: int | None) -> None:
        """Folds the log of a job that has just ended, and keeps the newest `keep` jobs of its registry (`keys.registry`)."""
        _TIDY.run(self._connection, kind=kind, queue=queue, id=job_id, keep="" if keep is None else keep)

    def requeue_stranded(self, queue: str) -> list[str]:
        """Puts back entries that a stock worker left between queue and start a minute ago; returns their ids."""
        return [decode(one) for one in _STRANDED.run(self._connection, queue=queue, after=_STRANDED_AFTER)]

    def _common(self, now: float) -> dict[str, Argument]:
        """The arguments of `lua/lease.lua`."""
        return {**self._record(now), "now": repr(now), "lease": self._lease}

    def _record(self, now: float) -> dict[str, Argument]:
        """The arguments of `lua/worker_record.lua`."""
        return {"worker": self._worker, "holder": self._name.holder, "iso": format_time(now), "ttl": self._name.ttl}


def _held(holds: Sequence[bytes], fields: Mapping[bytes, bytes]) -> HeldClaim | None:
    """Which of the holds holds a job; `holds`: the score with which the job would be held, then each hold."""
    score, *texts = holds
    found = None if keys.FIELD_LET.encode() in fields else holding(texts, fields.get(b"data", b""))
    return None if found is None else HeldClaim(found, decode(score))


def _outcome(raw: bytes) -> Outcome | None:
    return cast(Outcome, decode(raw)) if raw else None


def _overdue(row: list[Any]) -> Overdue:
    queue, member, score = map(decode, row)
    job_id, _, execution = member.rpartition(":")
    return Overdue(queue, job_id, execution, score)
