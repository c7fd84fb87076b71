"""What each command loads before it answers, and the plain words that are read without typer."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, get_args

import pytest
import redis
from rq import Queue
from typer import Exit, TyperException

import qtui.cli
from qtui.broker.queues import overview
from qtui.commands import find
from qtui_workers.command_line.declare import REQUIRED, declared_by
from qtui_workers.command_line.plain_reader import NotPlain, read
from tests.broker import seed
from tests.cli.support import Qtui, all_commands
from tests.rights import PASSWORD

HEAVY = ("asyncio", "dataclasses", "pydantic", "redis", "rich", "rq", "textual", "typer")
"""What takes long to load, of which each command loads only what it needs."""

QUEUES = {
    *("qtui", "qtui.broker", "qtui.cli", "qtui.commands", "qtui_workers", "qtui_workers.server"),
    *(f"qtui.{name}" for name in ("connection_options", "preferences", "presentation", "printing", "start", "start.interrupt")),
    *(
        f"qtui.{name}"
        for name in ("presentation.formatting", "presentation.labels", "preferences.settings", "preferences.templates")
    ),
    *(f"qtui.printing.{name}" for name in ("legible", "listings", "output", "tables")),
    *(f"qtui.broker.{name}" for name in ("clock", "models", "status", "trash_room", "workers", "workers.registered_workers")),
    *(f"qtui.broker.queues{name}" for name in ("", ".overview_steps", ".quick_overview", ".trend")),
    *("qtui.broker.diagnosis", "qtui.broker.diagnosis.troubles"),
    *(f"qtui.commands.{name}" for name in ("connection", "help_texts", "options", "queues")),
    *(f"qtui_workers.command_line{name}" for name in ("", ".declare", ".plain_reader", ".streams")),
    *(f"qtui_workers.{name}" for name in ("errors", "naming", "records", "settings", "statuses", "text")),
    *(
        f"qtui_workers.server.{name}"
        for name in ("address", "contexts", "format", "keys", "quick_connection", "replies", "rq_format")
    ),
    *(f"qtui_workers.server.{name}" for name in ("prefix", "script_names", "script_text", "settings", "url", "versions")),
}
"""All modules of ours that `qtui queues` loads."""


def loaded(qtui: Qtui, *words: str, code: int = 0, **variables: str) -> set[str]:
    """The modules in memory when a command has ended."""
    program = (
        "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); import qtui.cli; qtui.cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words], env=qtui.environment(**variables), cwd=qtui.home, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    return set(done.stderr.splitlines()[-1].split())


def heavy(modules: set[str]) -> set[str]:
    return modules & set(HEAVY)


def test_the_queues_are_listed_by_these_modules_and_no_client(qtui: Qtui, client: redis.Redis) -> None:
    seed.everything(client)
    overview.load(client)  # the server knows the script from now on
    found = loaded(qtui, "queues")
    assert {name for name in found if name.partition(".")[0] in ("qtui", "qtui_workers")} == QUEUES
    assert heavy(found) == set()


def test_however_the_server_is_named_the_queues_need_no_client(qtui: Qtui, client: redis.Redis) -> None:
    overview.load(client)
    (config := qtui.home / "config.toml").write_text(f'[contexts.here]\nurl = "{qtui.variables["REDIS_URL"]}"\n')
    client.acl_setuser("seer", enabled=True, passwords=f"+{PASSWORD}", commands=["+@all"], keys=["*"])
    guarded = qtui.variables["REDIS_URL"].replace("://", f"://seer:{PASSWORD}@")
    try:
        for words, variables in (
            (["queues", "--json"], {}),
            (["queues", "--url", guarded], {}),
            (["--url", guarded, "queues"], {}),
            ([], {"REDIS_URL": guarded}),
            (["queues", "--context", "here"], {"QTUI_CONFIG": str(config), "REDIS_URL": ""}),
        ):
            found = loaded(qtui, *words, **variables)
            assert heavy(found) == set()
            assert not {"tomllib", "urllib.parse", "pathlib"} & found, words
            assert "--url" in words or "qtui_workers.reporting.redaction" not in found, "it hides passwords of addresses"
    finally:
        client.acl_deluser("seer")


@pytest.mark.parametrize(
    "words", [["jobs"], ["workers"], ["retry", "--all", "--dry-run"], ["cancel", "x", "--yes"], ["job", "x"]]
)
def test_plain_words_need_neither_typer_nor_pydantic_nor_rq(qtui: Qtui, words: list[str]) -> None:
    code = {"retry": 1, "cancel": 4, "job": 4}.get(words[0], 0)
    assert not heavy(loaded(qtui, *words, code=code)) & {"typer", "pydantic", "rq", "rich", "textual"}


def test_a_job_is_enqueued_without_typer_and_rq(qtui: Qtui, client: redis.Redis) -> None:
    found = loaded(qtui, "enqueue", "test_job", "message=hello", "--timeout", "5m")
    assert heavy(found) <= {"asyncio", "dataclasses", "pydantic", "redis"}
    assert {name for name in found if name.startswith("qtui_workers.processors.")} == {"qtui_workers.processors.test_job"}
    assert not {"difflib", "qtui_workers.enqueue.job_snapshot"} & found


@pytest.mark.parametrize("words", [["--help"], ["jobs", "--help"], ["enqueue", "-h"]])
def test_help_loads_no_command(qtui: Qtui, words: list[str]) -> None:
    found = loaded(qtui, *words)
    assert not heavy(found)
    assert not {f"qtui.commands.{name}" for name in ("jobs", "enqueue", "queues", "operation")} & found


def test_a_job_of_no_processor_is_shown_without_the_processors(qtui: Qtui, client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue("shop.charge", customer=7)
    assert not heavy(loaded(qtui, "job", job.id)) & {"typer", "pydantic", "rq", "rich", "textual"}


@pytest.mark.parametrize("line", ["qtui jobs ma", "qtui pause ma", "qtui re", "qtui queues --js", "qtui jobs --status f"])
def test_what_a_word_may_be_completed_to_is_found_without_a_client_and_typer(qtui: Qtui, client: redis.Redis, line: str) -> None:
    Queue("mail", connection=client).enqueue("shop.charge")
    asked = {"_QTUI_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    assert heavy(loaded(qtui, **asked)) == set()


COMMANDS = all_commands()


def as_typer_reads(name: str, words: list[str]) -> dict[str, Any] | None:
    """The values of the parameters, None in place of what is empty; None where typer finds a fault."""
    try:
        with COMMANDS[name].make_context(name, list(words)) as context:
            return {parameter: value or None for parameter, value in context.params.items()}
    except (TyperException, Exit):
        return None


def as_read(name: str, words: list[str]) -> dict[str, Any] | None:
    command = find(name)
    assert command
    try:
        found = read(command.function, words)
    except NotPlain:
        return None
    return found


def lines(name: str) -> list[list[str]]:
    """Words of every kind for a command, right and wrong."""
    required: list[str] = []
    options: list[list[str]] = []
    arguments: list[str] = []
    for parameter, (hint, default) in parameters(name).items():
        kind, declared = get_args(hint)
        if not declared.is_option:
            arguments.append("a=1")
            continue
        flag = declared.flags[-1] if declared.flags else f"--{parameter.replace('_', '-')}"
        given = [flag] if kind is bool else [flag, "3"]
        if default is REQUIRED:
            required += given
        else:
            options.append(given)
    every = [*(word for given in options for word in given), *required, *arguments]
    right = [[*arguments, *required, *given] for given in options]
    joined = [["=".join(given), *required, *arguments] for given in options]
    wrong = [
        ["--no-such"],
        [*every, "b", "c", "d"],
        every[:1],
        ["--limit", "x"],
        ["--limit", "0"],
        ["--json=1"],
        ["-x"],
        ["--url"],
    ]
    odd = [["--url"], [*required, "--", "--json", *arguments[1:]], ["-"], [*arguments, "--url", "--json"], [*every, "--help"]]
    return [[], arguments, [*required, *arguments], *right, *joined, every, *wrong, *odd]


def parameters(name: str) -> dict[str, tuple[Any, Any]]:
    command = find(name)
    assert command
    return declared_by(command.function)


@pytest.mark.parametrize("name", COMMANDS)
def test_words_that_are_read_without_typer_are_read_as_typer_does(name: str) -> None:
    defaults = {key: None if default is REQUIRED else default for key, (_, default) in parameters(name).items()}
    plain = 0
    for words in lines(name):
        found = as_read(name, words)
        if found is not None:
            assert as_typer_reads(name, words) == {key: value or None for key, value in {**defaults, **found}.items()}, words
            plain += 1
    assert plain >= 2  # the usual words are among them


def test_the_options_before_the_command_are_read_too() -> None:
    assert read(qtui.cli.begin, ["--url", "redis://h", "--context=c"]) == {"url": "redis://h", "context": "c"}
