"""`python -m tests.faults.impatient --url URL`: a worker whose jobs wait for Redis for less than a second, not for twenty."""

from __future__ import annotations

import sys
from dataclasses import replace

from qtui_workers.engine.job import Policy
from qtui_workers.engine.worker import Worker
from qtui_workers.reporting.worker_logs import LogFormat, log_to_stderr
from qtui_workers.server.connection import WORKER, connect
from tests.faults.jobs import MODULE


def main() -> None:
    log_to_stderr(LogFormat.TEXT)
    connection = connect(sys.argv[2], patience=replace(WORKER, tries=2, longest_pause=0.1))
    Worker(["default"], connection=connection, policy=Policy((MODULE,), allow_pickle=True), shutdown_timeout=0).run()


if __name__ == "__main__":
    main()
