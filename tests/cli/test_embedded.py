"""With nothing configured: three plain commands share a server of the user's own, which is gone afterwards."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.support import ISO, Qtui, interrupt, processes_of
from tests.support import wait_until


@pytest.fixture
def here(bare: Qtui, short_path: Path) -> Qtui:
    """The command in an empty home, whose server ends with its last user."""
    return Qtui(short_path, {"QTUI_EMBEDDED_GRACE": "0"})


def nothing_runs(home: Path) -> None:
    wait_until(lambda: not processes_of(str(home)), description="nothing of it runs any more")


def test_a_job_survives_from_command_to_command_and_nothing_runs_afterwards(here: Qtui) -> None:
    def run(program: str, *words: str) -> str:
        done = subprocess.run(
            [str(Path(sys.executable).parent / program), *words],
            env=here.environment(),
            cwd=here.home,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        nothing_runs(here.home)
        return done.stdout

    enqueued = json.loads(run("qtui", "enqueue", "test_job", "message=hi", "--json"))
    assert enqueued["queue"] == "main-queue"
    run("qtui-worker", "--burst")
    job = json.loads(run("qtui", "job", enqueued["ids"][0], "--json"))
    assert (job["status"], job["result"]) == ("finished", {"message": "hi", "attempt": 1})
    assert ISO.fullmatch(job["ended_at"])


def inodes(kind: str, listening: str) -> set[str]:
    """The sockets of that kind that listen, out of the kernel's table."""
    lines = [line.split() for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]]
    return {line[9 if kind != "unix" else 6] for line in lines if line[3] == listening}


def sockets_of(process: int) -> set[str]:
    found = set()
    for link in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            if socket := re.fullmatch(r"socket:\[(\d+)\]", str(link.readlink())):
                found.add(socket[1])
    return found


def test_the_server_listens_on_a_unix_socket_of_the_user_alone_and_on_no_port(here: Qtui) -> None:
    folder = here.home / ".local/state/qtui/server"
    with here.running("enqueue", "test_job", "--wait") as process:
        title = f"valkey-server unixsocket:{folder}"
        wait_until(lambda: processes_of(title), description="the server runs")
        (server,) = processes_of(title)
        wait_until(lambda: sockets_of(server) & inodes("unix", "00010000"), description="the server listens on a unix socket")
        assert not sockets_of(server) & (inodes("tcp", "0A") | inodes("tcp6", "0A"))
        assert folder.stat().st_mode & 0o777 == 0o700
        assert interrupt(process) == 130
    nothing_runs(here.home)
