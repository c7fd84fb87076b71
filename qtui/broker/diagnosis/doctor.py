"""Finds what is wrong with a Redis, its queues and its workers, each with what to do about it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import redis
from redis.exceptions import ResponseError

from qtui.broker.diagnosis import queue_look, troubles, wrong_types
from qtui.broker.diagnosis.queue_look import QueueLook
from qtui.broker.diagnosis.wrong_types import WrongType
from qtui.broker.models import Overview, QueueRow, WorkerRow
from qtui.broker.queues import figures
from qtui_workers.records import replace
from qtui_workers.server.redis_errors import is_away
from qtui_workers.server.rights import LOOKING, OPERATING, lacking
from qtui_workers.text import decode, size

Severity = Literal["bad", "warn", "hint"]
SEVERITIES: Final[tuple[Severity, ...]] = ("bad", "warn", "hint")
"""The most harmful first. A hint is no fault: something could be better, or is good to know."""

LOOKED_AT: Final = 20
"""This many queues in trouble are looked into for the advice on them."""
NEAR: Final = 0.8
"""From this share of its memory or connections on, a server is near its limit."""
SKEW: Final = 2.0
"""Seconds; clocks that differ by less do no harm."""
LARGE: Final = 100 * 1024 * 1024
"""Bytes; a server that uses less gains nothing worth from smaller encodings."""
LISTPACK: Final = 1024
"""Bytes; a job whose fields are no longer than `hash-max-listpack-value` takes half the memory (measured with 1,024)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    severity: Severity
    about: str
    """A queue, a worker, or "redis"."""
    what: str
    """A sentence."""
    advice: str = ""
    """What to do, as a sentence; '' where `what` says it, or nothing need be done."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read."""

    overview: Overview
    """Its queues with their rates, so that they are in the same trouble as for `alerts.check`."""
    looks: Mapping[str, QueueLook]
    """The queues in trouble that were looked into."""
    workers: tuple[WorkerRow, ...]
    info: Mapping[str, Any] | None
    """The reply to INFO; None where it is refused."""
    config: Mapping[str, str] | None
    """The reply to CONFIG GET; None where it is refused, as managed servers do."""
    lacking_to_look: tuple[str, ...]
    """The rules of an ACL that the user lacks."""
    lacking_to_operate: tuple[str, ...]
    skew: float | None
    """Seconds by which the server's clock is ahead of ours; None where it gives no time, or the difference is small."""
    here: str = ""
    """The options of the connection, for commands."""
    wrong_types: tuple[WrongType, ...] = ()


def load(client: redis.Redis, here: str = "") -> Facts:
    """Everything that the checks need: the figures of all queues, about eleven round trips more, one for each queue in trouble.

    Raises redis.RedisError if the server cannot answer, or refuses what no overview can be made without.
    """
    found = figures.load(client)
    seen = replace(found.overview, queues=tuple(queue.row for queue in found.queues))
    troubled = [row.name for row in seen.queues if troubles.of(row)][:LOOKED_AT]
    return Facts(
        seen,
        {name: queue_look.load(client, name) for name in troubled},
        found.workers,
        _unless_refused(client.info),
        _config(client),
        tuple(lacking(client, LOOKING.needed)),
        tuple(lacking(client, OPERATING.needed)),
        _skew(client),
        here,
        tuple(wrong_types.find(client, [row.name for row in seen.queues])),
    )


def _unless_refused(command: Callable[[], Any]) -> Any:
    """The reply; None where the server answers, but does not allow the command."""
    try:
        return command()
    except ResponseError as error:
        if is_away(error):
            raise
        return None


def _config(client: redis.Redis) -> dict[str, str] | None:
    found = _unless_refused(lambda: client.config_get("*"))
    return None if found is None else {decode(name): decode(value) for name, value in found.items()}


def _skew(client: redis.Redis) -> float | None:
    before = time.time()
    reply = _unless_refused(client.time)
    after = time.time()
    if reply is None:
        return None
    ahead = reply[0] + reply[1] / 1e6 - (before + after) / 2
    return ahead if abs(ahead) > SKEW + (after - before) / 2 else None


def examine(facts: Facts) -> list[Finding]:
    """What is wrong, the most harmful first."""
    found = [finding for check in CHECKS for finding in check(facts)]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


def _queues(facts: Facts) -> Iterator[Finding]:
    for row in sorted(facts.overview.queues, key=troubles.ORDERS["trouble"]):
        yield from (_of_trouble(row, trouble, facts.looks.get(row.name), facts.here) for trouble in troubles.of(row))


def _of_trouble(row: QueueRow, trouble: troubles.Trouble, look: QueueLook | None, here: str) -> Finding:
    return Finding(
        "bad" if trouble.tone == "bad" else "warn", row.name, f"{trouble.say(row, look)}.", _sentence(trouble.do(row, look, here))
    )


def _sentence(text: str) -> str:
    return f"{text}." if text else ""


def _suspended(facts: Facts) -> Iterator[Finding]:
    if facts.overview.suspended:
        yield Finding(
            "bad", "workers", "all workers are suspended: they take no jobs.", f"End it with qtui resume --workers{facts.here}."
        )


def _wrong_types(facts: Facts) -> Iterator[Finding]:
    for each in facts.wrong_types:
        advice = f"Find out what wrote it, and move it away: RENAME {each.key} {each.key}-was"
        yield Finding("bad", each.queue or "redis", f"{each.sentence}.", advice)


def _silent(facts: Facts) -> Iterator[Finding]:
    for worker in facts.workers:
        if worker.is_silent:
            job = f" Its job was {worker.current_job}." if worker.current_job else ""
            what = f"gives no sign of life, and is still registered.{job}"
            yield Finding("warn", worker.name, what, "Look at its machine; other workers recover its job.")


def _versions(facts: Facts) -> Iterator[Finding]:
    known = sorted({worker.version for worker in facts.workers if worker.version and not worker.is_silent})
    if len(known) > 1:
        what = f"workers run different versions of RQ: {', '.join(known)}."
        yield Finding("hint", "workers", what, "That is usual during a deploy; after it, update the older ones.")


def _persistence(facts: Facts) -> Iterator[Finding]:
    info, config = facts.info or {}, facts.config
    if config is not None and config.get("appendonly") == "no" and config.get("save") == "":
        what = "keeps nothing on disk: a restart loses every job."
        yield Finding("bad", "redis", what, "CONFIG SET appendonly yes, and the same in its configuration file.")
    for field, of in (("rdb_last_bgsave_status", "snapshot"), ("aof_last_write_status", "append to its log")):
        if info.get(field, "ok") != "ok":
            yield Finding("bad", "redis", f"its last {of} failed.", "See its log and the free space on its disk.")


def _eviction(facts: Facts) -> Iterator[Finding]:
    info = facts.info or {}
    policy = str(info.get("maxmemory_policy", "noeviction"))
    limited = bool(info.get("maxmemory"))
    if policy != "noeviction":
        when = "it throws away keys of jobs when its memory is full" if limited else "it would, with a limit of memory, lose jobs"
        advice = "CONFIG SET maxmemory-policy noeviction: adding jobs then fails loudly instead."
        yield Finding("bad" if limited else "hint", "redis", f"its policy is {policy}: {when}.", advice)
    if evicted := info.get("evicted_keys"):
        yield Finding("bad", "redis", f"it has thrown away {evicted:,} keys since its start, which may have been jobs.")


def _memory(facts: Facts) -> Iterator[Finding]:
    used, most = facts.overview.server.memory_used, facts.overview.server.memory_max
    if used and most and used >= NEAR * most:
        what = f"its memory is almost full: {size(used)} of {size(most)}."
        yield Finding("bad", "redis", what, f"Remove ended jobs (qtui remove{facts.here}), or raise maxmemory.")


def _encodings(facts: Facts) -> Iterator[Finding]:
    used, config = facts.overview.server.memory_used, facts.config or {}
    limit = config.get("hash-max-listpack-value") or config.get("hash-max-ziplist-value")
    if used and used > LARGE and limit and limit.isdigit() and int(limit) < LISTPACK:
        name = "listpack" if "hash-max-listpack-value" in config else "ziplist"
        what = f"jobs can take half the memory ({size(used)} now)."
        yield Finding("hint", "redis", what, f"CONFIG SET hash-max-{name}-value {LISTPACK} stream-node-max-bytes 512.")


def _clients(facts: Facts) -> Iterator[Finding]:
    info = facts.info or {}
    connected, most = info.get("connected_clients"), info.get("maxclients")
    if connected and most and connected >= NEAR * most:
        what = f"it has {connected:,} of at most {most:,} connections."
        yield Finding("warn", "redis", what, "Raise maxclients, or close programs that open a connection for each job.")


def _clock(facts: Facts) -> Iterator[Finding]:
    if facts.skew is not None:
        side = "ahead of" if facts.skew > 0 else "behind"
        what = f"its clock is {abs(facts.skew):,.0f} s {side} that of this machine."
        yield Finding("warn", "redis", what, "Scheduled jobs and ages are by both clocks: set them with NTP.")


def _role(facts: Facts) -> Iterator[Finding]:
    if (facts.info or {}).get("role") == "slave":
        yield Finding("hint", "redis", "it is a replica: looking works, changes are refused.", "Connect to the primary for them.")


def _rights(facts: Facts) -> Iterator[Finding]:
    if looking := facts.lacking_to_look:
        yield Finding("warn", "redis", "this user may not read all that is shown.", _grant(looking))
    if operating := [rule for rule in facts.lacking_to_operate if rule not in facts.lacking_to_look]:
        yield Finding("hint", "redis", "this user may look, but not change anything.", _grant(operating))


def _grant(rules: Iterable[str]) -> str:
    return f"Grant what is missing: ACL SETUSER <name> {' '.join(rules)}"


def _unknown(facts: Facts) -> Iterator[Finding]:
    for command, reply, question in (
        ("INFO", facts.info, "how much memory is used, and whether a full one loses jobs"),
        ("CONFIG GET", facts.config, "whether jobs survive a restart"),
    ):
        if reply is None:
            yield Finding("hint", "redis", f"{command} is refused, so it is not known {question}.")


CHECKS: Final[tuple[Callable[[Facts], Iterable[Finding]], ...]] = (
    _suspended, _wrong_types, _queues, _silent, _persistence, _eviction, _memory, _clients, _clock, _rights, _versions,
    _encodings, _role, _unknown,
)  # fmt: skip
