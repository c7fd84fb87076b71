"""What a job finds in its process, whatever the jobs before it have done."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from rq import Callback, Queue

from tests.support import Server
from tests.workers import changing
from tests.workers.support import run, run_burst


@pytest.mark.parametrize("mode", [[], ["--in-process"]])
def test_each_job_finds_its_process_as_the_first_one_did(
    server: Server, client: redis.Redis, home: Path, mode: list[str]
) -> None:
    queue = Queue("default", connection=client)
    first = queue.enqueue(changing.change)
    others = [
        queue.enqueue(changing.look),
        queue.enqueue(changing.change, on_success=Callback(changing.ignore)),
        queue.enqueue(changing.look),
    ]
    queue.enqueue(changing.change, fail=True)
    others += [queue.enqueue(changing.look), queue.enqueue(changing.look, on_success=Callback(changing.ignore))]
    run_burst(server, home, "default", "--allow-pickle", "--allow", changing.MODULE, *mode, TZ="UTC", HOME=str(home))
    found = first.return_value()
    assert (found["tenant"], found["precision"], found["ADDED_BY_A_JOB"]) == ("none", 28, None)
    assert (found["HOME"], found["TZ"], found["SET_BY_THE_IMPORT"]) == (str(home), "UTC", "kept")
    assert [job.return_value() for job in others] == [found] * 5


def test_a_job_that_removes_the_folder_harms_none_after_it(server: Server, client: redis.Redis, home: Path) -> None:
    here = home / "here"
    here.mkdir()
    queue = Queue("default", connection=client)
    jobs = [queue.enqueue(changing.remove_folder), queue.enqueue(changing.is_in, "/")]
    allowed = ("default", "--allow-pickle", "--allow", changing.MODULE)
    done = run(home, "--burst", "--url", server.url, *allowed, cwd=here)
    assert "the next job does not begin there" in done.stderr
    assert [job.return_value() for job in jobs] == [None, True]
