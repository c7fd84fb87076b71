"""What the shell completes: commands, options, and the names that a value may have."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

import qtui.cli
from qtui.broker.diagnosis import acknowledged
from qtui.commands import completing, find
from qtui.commands.with_typer import make_app
from qtui_workers.command_line.plain_reader import NotPlain, parameters_of
from qtui_workers.define.limit import Limit
from qtui_workers.rate.limiter import Limits
from qtui_workers.server import keys
from tests.broker import seed
from tests.cli.support import Qtui, all_commands, processes_of
from tests.support import wait_until

CONFIG = """
[contexts.prod-eu]
url = "redis://127.0.0.1:1/0"

[contexts.prod-us]
url = "redis://127.0.0.1:1/1"
"""


def completed(qtui: Qtui, line: str, program: str = "qtui", **variables: str) -> list[str]:
    """What bash would offer for a line, whose last word is not complete."""
    words = line.split(" ")
    asked = {
        f"_{program.upper().replace('-', '_')}_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    module = {"qtui": "qtui.cli", "qtui-worker": "qtui_workers.cli"}[program]
    code = f"import sys; sys.argv = ['{program}']; from {module} import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=qtui.environment(**asked, **variables), cwd=qtui.home, capture_output=True, text=True
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_queues_statuses_processors_and_contexts_are_completed(qtui: Qtui, client: redis.Redis) -> None:
    seed.failed(client, "payments")
    seed.failed(client, "mail")
    config = qtui.home / "config.toml"
    config.write_text(CONFIG)
    here = {"QTUI_CONFIG": str(config)}
    assert completed(qtui, "qtui jobs pa", **here) == ["payments"]
    assert completed(qtui, "qtui pause ", **here) == ["mail", "payments"]
    assert completed(qtui, "qtui retry --queue m", **here) == ["mail"]
    assert completed(qtui, "qtui jobs --status f", **here) == ["finished", "failed"]
    client.sadd(keys.WORKERS, keys.worker("web-1.71"), keys.worker("mail-1.9"))
    assert completed(qtui, "qtui worker we", **here) == ["web-1.71"]
    assert completed(qtui, "qtui worker web-1.71 st", **here) == ["stop-job"]
    assert completed(qtui, "qtui enqueue test", **here) == ["test_job"]
    assert completed(qtui, "qtui queues --context prod-e", **here) == ["prod-eu"]
    assert completed(qtui, "qtui-worker pa", "qtui-worker", **here) == ["payments"]
    assert completed(qtui, "qtui-worker --context prod", "qtui-worker", **here) == ["prod-eu", "prod-us"]


def test_what_the_server_knows_by_name_is_completed(qtui: Qtui, client: redis.Redis) -> None:
    first, *others = seed.failed(client, "mail", 3)
    batch = qtui("remove", first, "--yes", "--json").json["batch"]
    assert completed(qtui, "qtui undo ") == [batch]
    client.set(keys.scheduler_lock("mail"), "scheduler")
    spread = qtui("retry", *others, "--over", "1h", "--yes", "--json").json["batch"]
    assert completed(qtui, "qtui cancel --batch ") == [spread]
    Limits(client).close(Limit(5, 60, "api"), 3_600, "it asked")
    assert completed(qtui, "qtui limits --reopen a") == ["api"]
    qtui("hold", "shop.charge", "customer_id=42")
    qtui("hold", "shop.refund")
    assert completed(qtui, "qtui release ") == ["shop.charge", "shop.refund"]
    assert completed(qtui, "qtui release shop.charge ") == ["customer_id=42"]
    acknowledged.acknowledge(client, "473fb45a6b73", "", 0)
    assert completed(qtui, "qtui failures ") == ["ack", "unack", "mail"]
    assert completed(qtui, "qtui failures unack ") == ["473fb45a6b73"]
    assert completed(qtui, "qtui move --to m") == ["mail"]
    assert completed(qtui, "qtui jobs --sort t") == ["took"]
    assert completed(qtui, "qtui count --by pay") == ["payload."]
    assert completed(qtui, "qtui enqueue test_job --priority h") == ["high"]
    assert completed(qtui, "qtui hold qtui_workers.processors.test") == ["qtui_workers.processors.test_job.test_job"]


FREE = {
    "--url", "--limit", "--filter", "--rate", "--over", "--max-failing", "--patience", "--for", "--reason", "--note",
    "--oldest", "--failed", "--fail-rate", "--host", "--file", "--set", "--delay", "--at", "--attempts", "--backoff",
    "--timeout", "--id",
}  # fmt: skip
"""Options whose values nobody knows before they are typed."""
FREE_WORDS = {"job_id", "ids", "enqueue words"}
"""The same of words without a name: there are as many ids as jobs, and values of a payload are the caller's."""


def test_every_value_that_can_be_known_is_completed() -> None:
    left = []
    for name in all_commands():
        command = find(name)
        assert command
        for place in parameters_of(command.function):
            if place.kind is str and place.declared.complete is None:
                is_free = (
                    set(place.flags) & FREE if place.declared.is_option else {place.name, f"{name} {place.name}"} & FREE_WORDS
                )
                left += [] if is_free else [f"{name} {place.name}"]
    assert left == []


def test_the_embedded_server_completes_where_it_runs_and_is_not_started(bare: Qtui, short_path: Path) -> None:
    here = Qtui(short_path, {"QTUI_EMBEDDED_GRACE": "0"})
    assert completed(here, "qtui jobs ") == []
    assert not list(short_path.rglob("server.*"))
    with here.running("enqueue", "test_job", "--queue", "mail", "--wait"):
        wait_until(lambda: completed(here, "qtui jobs ") == ["mail"], description="its queue is completed")
        (server,) = processes_of(f"valkey-server unixsocket:{short_path}")
        os.kill(server, signal.SIGSTOP)
        assert completed(here, "qtui jobs ") == []
        os.kill(server, signal.SIGCONT)
    wait_until(lambda: not processes_of(str(short_path)), description="nothing of it runs any more")
    assert completed(here, "qtui jobs ") == []
    assert not processes_of(str(short_path))


@pytest.mark.parametrize("variables", [{"REDIS_URL": "redis://127.0.0.1:1/0"}, {}, {"QTUI_CONFIG": "/nonexistent"}])
def test_a_server_that_is_away_or_not_started_completes_nothing_and_says_nothing(qtui: Qtui, variables: dict[str, str]) -> None:
    assert completed(Qtui(qtui.home, {}), "qtui jobs ", **variables) == []
    assert not list(qtui.home.rglob("*.sock"))


LINES = [
    line
    for name in ["", *all_commands()]
    for line in (f"{name} -", f"{name} --j", f"{name} x -", f"{name} --queue ", f"{name} --status f", f"{name} --all --")
] + [
    "",
    "r",
    "--context ",
    "--context prod jobs ",
    "--url embedded: --j",
    "retry --queue=x --q",
    "retry --yes --yes --",
    "worker one s",
    "failures ",
    "failures unack ",
    "failures ack ",
    "release ",
    "release shop.charge ",
    "hold qtui_workers.processors.test",
    "jobs --sort t",
    "count --by ",
    "move --to ",
    "undo ",
    "cancel --batch ",
    "limits --reopen ",
    "enqueue test_job --priority ",
    "worker one stop-job ",
    "jobs --status",
    "jobs --limit x --",
    "jobs --no-such ",
    "no-such ",
    "jobs 'two words",
    "jobs --queue=",
    "tail -- --",
    "keys --json --json ",
]


def in_words(told: str | int | None) -> list[str] | int | None:
    """What is told, but for what is typer's alone: it breaks long help, takes [words] for markup, and shuffles -h and --help."""
    return sorted(re.sub(r"\[[a-z]+\]", "", told).split()) if isinstance(told, str) else told


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "fish again"])
def test_what_is_completed_without_typer_is_what_typer_completes(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    instruction = f"complete_{shell.partition(' ')[0]}"
    monkeypatch.setenv("_QTUI_COMPLETE", instruction)
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "is-args" if "again" in shell else "get-args")
    whole, plain = make_app(qtui.cli.begin, qtui.cli.dashboard), 0
    for line in (f"qtui {line}".replace("  ", " ") for line in LINES):
        for name, value in (("COMP_WORDS", line), ("COMP_CWORD", str(line.count(" "))), ("_TYPER_COMPLETE_ARGS", line)):
            monkeypatch.setenv(name, value)
        try:
            found: str | int | None = f"{completing.answer(qtui.cli.begin, instruction)}\n"
        except NotPlain:
            continue
        except SystemExit as end:
            found = end.code if isinstance(end.code, int) else 0
        with pytest.raises(SystemExit) as ended:
            whole([], prog_name="qtui")
        told = ended.value.code if "again" in shell else capsys.readouterr().out
        assert in_words(found) == in_words(told), line
        plain += 1
    assert plain > len(LINES) / 2
