"""`qtui edit`: in an editor on a terminal, and from options."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import redis
from rq.job import Job

from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.server import keys
from tests.broker import seed
from tests.cli.support import COMMAND, Qtui, keyspace
from tests.cli.terminals import on_terminal
from tests.support import wait_until


def copies(client: redis.Redis, job_id: str) -> list[str]:
    return (client.hget(keys.job(job_id), keys.FIELD_EDITED_AS) or b"").decode().split()


def editor(qtui: Qtui, *contents: str) -> str:
    """An editor that writes these, one after the other, each time that it is opened; '' saves without a change."""
    for number, content in enumerate(contents):
        (qtui.home / f"write-{number}").write_text(content)
    script = qtui.home / "an editor"
    script.write_text(
        "#!/bin/sh\n"
        f"n=$(cat '{qtui.home}/opened' 2>/dev/null || echo 0); echo $((n + 1)) > '{qtui.home}/opened'\n"
        f'[ "$1" = --wait ] && [ -s "{qtui.home}/write-$n" ] && cat "{qtui.home}/write-$n" > "$2"; exit 0\n'
    )
    script.chmod(0o755)
    return f"'{script}' --wait"


def test_the_arguments_are_edited_and_the_new_id_is_printed(qtui: Qtui, client: redis.Redis) -> None:
    (old,) = seed.failed(client)
    wanted = json.dumps({"args": ["other"], "kwargs": {}})
    with on_terminal(qtui, "edit", old[:8], EDITOR="false", VISUAL=editor(qtui, wanted)) as (process, terminal):
        assert process.wait(20) == 0
        (new,) = copies(client, old)
        terminal.wait_for(f"{new}\r\n")
        terminal.wait_for(f"Enqueued in mail: an edited copy of {old}.")
    assert Job.fetch(new, connection=client).args == ("other",)


def test_an_error_says_where_and_offers_to_edit_again(qtui: Qtui, client: redis.Redis) -> None:
    old = QueueService(client).enqueue("test_job", {"message": "hello"}).id
    texts = ('{"message": "x",\n "oops"}', '{"message": "x", "nosuch": 1}', '{"message": "good"}')
    with on_terminal(qtui, "edit", old, EDITOR=editor(qtui, *texts)) as (process, terminal):
        terminal.wait_for("is not valid JSON: Expecting ':' delimiter: line 2 column 8")
        terminal.wait_for("Edit again? [Y/n] ")
        terminal.type("\r")
        terminal.wait_for("nosuch")
        terminal.wait_for("Edit again? [Y/n] ")
        terminal.type("y\r")
        assert process.wait(20) == 0
    (new,) = copies(client, old)
    assert QueueService(client).status(new).payload["message"] == "good"


@pytest.mark.parametrize(("typed", "code"), [("\r", 5), ("y\r", 0)])
def test_unchanged_it_asks_whether_a_duplicate_is_meant(qtui: Qtui, client: redis.Redis, typed: str, code: int) -> None:
    (old,) = seed.failed(client)
    with on_terminal(qtui, "edit", old, EDITOR=editor(qtui, "")) as (process, terminal):
        terminal.wait_for("Nothing was changed. Enqueue a duplicate? [y/N] ")
        terminal.type(typed)
        assert process.wait(20) == code
    assert len(copies(client, old)) == (code == 0)


def test_an_editor_that_fails_or_is_none_enqueues_nothing(qtui: Qtui, client: redis.Redis) -> None:
    (old,) = seed.failed(client)
    for name, code in (("false", 5), ("/nonexistent/editor", 2)):
        with on_terminal(qtui, "edit", old, EDITOR=name) as (process, terminal):
            assert process.wait(20) == code
            wait_until(lambda: "editor" in terminal.read(), description="the reason")
    assert copies(client, old) == []


def test_scripts_give_the_arguments_by_file_or_by_field(qtui: Qtui, client: redis.Redis) -> None:
    (old,) = seed.failed(client)
    answer = qtui("edit", old, "--file", "-", stdin='{"args": ["a"], "kwargs": {}}')
    assert answer.out.split() == copies(client, old)
    (qtui.home / "b.json").write_text('{"args": ["b"], "kwargs": {}}')
    report = qtui("edit", old[:8], "--file", "b.json", "--json").json
    assert report == {"id": copies(client, old)[-1], "edited_from": old, "queue": "mail", "changed": True}
    ours = QueueService(client).enqueue("test_job", {"message": "hello"}).id
    new = qtui("edit", ours, "--set", "message=bye").out.strip()
    assert QueueService(client).status(new).payload["message"] == "bye"
    (add,) = seed.finished(client)
    new = qtui("edit", add, "--set", "args:=[40]", "--set", "kwargs.b:=2").out.strip()
    assert Job.fetch(new, connection=client).args == (40,)
    assert Job.fetch(new, connection=client).kwargs == {"b": 2}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 5, "there is no terminal for an editor"),
        (["--file", "-", "--set", "a=1"], 2, "not both"),
        (["--set", "nonsense"], 2, "is no FIELD=VALUE"),
        (["--set", "args=nonsense"], 2, "is not valid JSON"),
        (["--set", "nosuch.deep=1"], 2, "is no field: the fields are args, kwargs"),
        (["--set", "more=1"], 2, "more: there is no such field"),
        (["--file", "nosuch.json"], 2, "cannot read nosuch.json"),
    ],
)
def test_what_makes_no_sense_is_said_and_enqueues_nothing(
    qtui: Qtui, client: redis.Redis, words: list[str], code: int, said: str
) -> None:
    (old,) = seed.failed(client)
    before = keyspace(client)
    assert said in qtui.fails(code, "edit", old, *words)
    assert keyspace(client) == before
    assert "there is no job" in qtui.fails(4, "edit", "nosuchjob", "--set", "a=1")


def test_secrets_are_not_shown_and_stay(qtui: Qtui, client: redis.Redis) -> None:
    given = {"url": "https://example.org/x", "secret": "whsec_b3BlbiBzZXNhbWUgb3BlbiBzZXNhbWUh", "payload": {"a": 1}}
    old = QueueService(client).enqueue("webhook", given).id
    with on_terminal(qtui, "edit", old, EDITOR=f"cp -t {qtui.home}") as (process, terminal):
        terminal.wait_for("Enqueue a duplicate?")
        terminal.type("n\r")
        assert process.wait(20) == 5
    seen = (qtui.home / "arguments.json").read_text()
    assert "https://example.org/x" in seen
    assert "whsec" not in seen
    new = qtui("edit", old, "--set", "url=https://example.org/y").out.strip()
    after = QueueService(client).status(new).payload
    assert after is not None
    assert after == given | {"url": "https://example.org/y"}


def test_where_standard_output_is_full_the_error_has_the_new_id(qtui: Qtui, client: redis.Redis) -> None:
    (old,) = seed.failed(client)
    with Path("/dev/full").open("w") as full:
        words = [*COMMAND, "edit", old, "--file", "-"]
        done = subprocess.run(
            words, env=qtui.environment(), input='{"args": ["a"], "kwargs": {}}', stdout=full, stderr=subprocess.PIPE, text=True,
            check=False,
        )  # fmt: skip
    (new,) = copies(client, old)
    assert done.returncode == 1
    said = f"Enqueued in mail: {new}, an edited copy of {old}, but cannot write to standard output: No space left on device"
    assert done.stderr == f"qtui: {said}\n"
