"""RQ_JOB_ID in the environment."""

from __future__ import annotations

import os
import resource
import subprocess
from pathlib import Path

from qtui_workers.engine.process.job_variable import JobVariable


def held() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_any_number_of_ids_takes_no_memory() -> None:
    variable = JobVariable()
    variable.set("warm")
    before = held()
    for number in range(50_000):
        variable.set(f"{number:036d}")
    assert held() - before < 1_000_000, "at 96 bytes an id it would be 4.8 MB"


def test_python_and_programs_see_the_newest_id_however_long_it_is_and_whatever_a_job_has_set() -> None:
    variable = JobVariable()
    for job_id in ("one", "x" * 5_000, "näher", "", "two"):
        variable.set(job_id)
        program = subprocess.run(["printenv", "RQ_JOB_ID"], capture_output=True, text=True, check=True)
        assert (os.environ["RQ_JOB_ID"], program.stdout) == (job_id, f"{job_id}\n")
        os.environ["RQ_JOB_ID"] = "another"
