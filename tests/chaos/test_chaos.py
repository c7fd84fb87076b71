"""Workers and the server are killed at random while jobs run: every job ends exactly once, none is lost, none is stuck.

`CHAOS_JOBS=5000 pytest tests/chaos` is the long form; `CHAOS_SEED` repeats a run.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import pytest
import redis
from rq import Queue, Retry

from qtui_workers.server import keys
from tests import launcher
from tests.launcher import Started
from tests.support import Server, wait_until
from tests.workers import engine
from tests.workers.engine import MODULE
from tests.workers.support import environment

JOBS = int(os.environ.get("CHAOS_JOBS", "300"))
SEED = int(os.environ.get("CHAOS_SEED", str(random.randrange(1_000_000))))
KILLS = max(6, JOBS // 60)
QUEUES = ("first", "second")
PATIENCE = 60 + JOBS / 20


class Crowd:
    """Three workers, of which some are killed now and then."""

    def __init__(self, server: Server, home: Path) -> None:
        self._arguments = [*QUEUES, "--url", server.url, "--lease", "3"]
        self._arguments += ["--allow", MODULE, "--allow-pickle", "--max-jobs", "40"]
        self._environment = environment(home)
        self._log = (home / "workers.log").open("ab")
        self.processes = [self._start() for _ in range(3)]

    def _start(self) -> Started:
        with Path(os.devnull).open("rb") as nothing:
            return launcher.start("qtui_workers.cli", self._arguments, self._environment, [nothing, self._log, self._log])

    def replace(self, place: int) -> None:
        self.processes[place].kill()
        self.processes[place].wait()
        self.processes[place] = self._start()

    def end(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            assert process.wait(60) == 0
        self._log.close()

    def are_there(self, client: redis.Redis) -> bool:
        """Whether all of them have registered: until then a signal ends them as it ends any program."""
        known = {client.hget(name, "pid") for name in client.smembers("rq:workers")}
        return {str(process.pid).encode() for process in self.processes} <= known


def enqueue(client: redis.Redis, chance: random.Random) -> list[str]:
    """Jobs with many attempts, with one, some that fail by themselves or kill their process."""
    ids = []
    for number in range(JOBS):
        queue = Queue(QUEUES[number % 2], connection=client)
        function, arguments = chance.choice([(engine.sleep, 0.02)] * 8 + [(engine.fail, "as told"), (engine.leave, 3)])
        retry = Retry(max=chance.choice([1, 20])) if chance.random() < 0.7 else None
        ids.append(queue.enqueue(function, arguments, retry=retry, job_id=f"j{number}").id)
    return ids


def ended(client: redis.Redis) -> int:
    return sum(client.zcard(keys.registry(kind, queue)) for kind in ("finished", "failed") for queue in QUEUES)


def reaches(client: redis.Redis, count: int) -> bool:
    try:
        return ended(client) >= count
    except redis.RedisError:
        return False


@pytest.mark.long
def test_every_job_ends_exactly_once_whatever_is_killed(own_server: Server, home: Path) -> None:
    chance = random.Random(SEED)
    with own_server.client() as client:
        ids = enqueue(client, chance)
        crowd = Crowd(own_server, home)
        try:
            moments = sorted(chance.sample(range(1, JOBS), KILLS))
            restarts = set(chance.sample(moments, 2))
            for moment in moments:
                description = f"{moment} of {JOBS} jobs have ended (seed {SEED})"
                wait_until(lambda moment=moment: reaches(client, moment), description=description, timeout=PATIENCE)
                if moment in restarts:
                    own_server.kill()
                    own_server.start()
                else:
                    crowd.replace(chance.randrange(3))
            wait_until(lambda: reaches(client, JOBS), description=f"all jobs have ended (seed {SEED})", timeout=PATIENCE)
            wait_until(lambda: crowd.are_there(client), description="the last that were started are there", timeout=PATIENCE)
        finally:
            crowd.end()
        check(client, ids)


def check(client: redis.Redis, ids: list[str]) -> None:
    places: Counter[str] = Counter()
    for kind in ("finished", "failed"):
        for queue in QUEUES:
            for member in client.zrange(keys.registry(kind, queue), 0, -1):
                places[member.decode()] += 1
                assert client.hget(keys.job(member.decode()), "status") == kind.encode()
    assert places == Counter(ids), f"seed {SEED}"
    for job_id in ids:
        results = client.xrange(keys.results(job_id))
        assert len(results) == 1, f"{job_id} ended {len(results)} times (seed {SEED})"
        assert (b"exc_string" in results[0][1]) == (client.hget(keys.job(job_id), "status") == b"failed")
    left = [key for shape in ("rq:wip:*", "rq:execution*", "rq:queue:*") for key in client.keys(shape)]
    assert left == [], f"seed {SEED}"
