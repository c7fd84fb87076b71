"""`qtui` run as a program: what it answers, and what must hold of every answer."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
import typer.main
from typer.core import TyperCommand, TyperGroup

import qtui.cli
from qtui.commands.with_typer import make_app
from tests import launcher
from tests.support import clean_environment

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "qtui")
STEERS_A_TERMINAL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def all_commands() -> dict[str, TyperCommand]:
    """Every command by its name, in the order of `qtui --help`, as typer has them."""
    group = typer.main.get_command(make_app(qtui.cli.begin, qtui.cli.dashboard))
    assert isinstance(group, TyperGroup)
    with group.make_context("qtui", [], resilient_parsing=True) as context:
        found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    assert all(isinstance(command, TyperCommand) for command in found.values())
    return found


@dataclass(frozen=True)
class Answer:
    """The output and the exit code of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Qtui:
    """Runs the command in a home of its own."""

    home: Path
    variables: Mapping[str, str]

    def environment(self, **more: str) -> dict[str, str]:
        return clean_environment(self.home, **{"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "", **self.variables, **more})

    def __call__(self, *arguments: str, stdin: str | bytes = b"", code: int = 0, fresh: bool = False, **more: str) -> Answer:
        """Run it to its end; fails where the exit code is another, or the answer breaks what holds of all answers.

        `fresh`: as a new Python process, for what is decided while modules are imported; else by the launcher.
        """
        environment, given = self.environment(**more), stdin.encode() if isinstance(stdin, str) else stdin
        if fresh:
            done = subprocess.run(
                [*COMMAND, *arguments], input=given, env=environment, cwd=self.home, capture_output=True, timeout=60
            )
            answer = Answer(done.returncode, done.stdout.decode(), done.stderr.decode())
        else:
            found = launcher.run("qtui.cli", arguments, environment, self.home, given)
            answer = Answer(found.returncode, found.stdout, found.stderr)
        assert answer.code == code, f"exit {answer.code} instead of {code}\n{answer.out}\n{answer.err}"
        assert "Traceback" not in answer.err, answer.err
        assert not STEERS_A_TERMINAL.search(answer.out + answer.err), repr(answer.out + answer.err)
        return answer

    def fails(self, code: int, *arguments: str, stdin: str | bytes = b"", **more: str) -> str:
        """Run a command that must fail; returns its one sentence, and checks that it prints nothing else."""
        answer = self(*arguments, stdin=stdin, code=code, **more)
        assert answer.out == ""
        assert answer.err.count("\n") == 1, answer.err
        assert answer.err.startswith("qtui: ")
        return answer.err.strip()

    @contextmanager
    def running(self, *arguments: str, **more: Any) -> Iterator[subprocess.Popen[str]]:
        """It runs meanwhile, in a session of its own; ended by force with the block."""
        pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            env=self.environment(),
            cwd=self.home,
            text=True,
            start_new_session=True,
            **pipes | more,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


def keyspace(client: redis.Redis) -> dict[bytes, bytes | None]:
    """Every key with its content, to be compared."""
    return {key: client.dump(key) for key in client.keys("*")}


def processes_of(text: str) -> dict[int, str]:
    """The processes alive whose command line has the text, by their id."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:  # it ended meanwhile
                continue
            if text in line:
                found[int(entry.name)] = line
    return found


def interrupt(process: subprocess.Popen[str], number: int = signal.SIGINT) -> int:
    """Send a signal; returns the exit code."""
    os.kill(process.pid, number)
    return process.wait(30)
