"""What is added in one file is found everywhere: an operation with a parameter, a command, a status, and a screen."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from rq import Queue

from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.cli.support import Qtui
from tests.support import Server

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "ARCHITECTURE.md").read_text("utf-8")


def example(heading: str) -> str:
    """The example of ARCHITECTURE.md whose first line, a comment, is that."""
    (found,) = re.findall(rf"^```\w+\n((?:#|--) {re.escape(heading)}\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


OPERATION = example("qtui/broker/operations/keep.py")
SCRIPT = example("qtui/broker/lua/keep.lua")
COMMAND = example("qtui/commands/ping.py")

PLACE = example("a row of qtui/places.py").partition("\n")[2]
STATUS = example("a row of workers/qtui_workers/statuses.py").partition("\n")[2]

STORY = """\
import asyncio, sys
from qtui_workers.server.connection import connect
from tests.screens.support import dashboard

async def story():
    with connect(sys.argv[1]) as client:
        async with dashboard(client, size=(100, 70)) as story:  # room for the whole palette
            await story.press("2")
            print("footer:", story.text.splitlines()[-1])
            await story.press("question_mark")
            print("help:", story.words)
            await story.press("escape", "colon")
            print("palette:", story.words)
            await story.press("escape", "K")
            print("prompt:", story.question(), story.focused)
            await story.press("y", "enter")
            print("refused:", story.question(), story.focused, story.button("yes").disabled)
            await story.press("backspace", "2", "h", "enter")
            print("asked:", story.question(), story.focused)
            await story.press("y")
            print("done:", story.app.said)

asyncio.run(story())
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of `qtui` in which a developer adds files."""
    shutil.copytree(ROOT / "qtui", tmp_path / "checkout" / "qtui", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "checkout"


def add(checkout: Path, source: str) -> None:
    """Write an example to where its first line says."""
    path = checkout / source.partition("\n")[0].split()[1]
    assert not path.exists()
    path.write_text(source)


def of_checkout(checkout: Path, server: Server, home: Path) -> Qtui:
    """The command as that copy has it."""
    return Qtui(home, {"REDIS_URL": server.url, "PYTHONPATH": str(checkout)})


def expires_at(client: redis.Redis, job_id: str) -> float:
    """When the job expires, in seconds of the server's clock, both read in one step."""
    with client.pipeline(transaction=True) as pipe:
        (seconds, micros), left = pipe.time().pttl(keys.job(job_id)).execute()
    return float(seconds + micros / 1e6 + left / 1e3)


@pytest.mark.long
def test_an_operation_is_one_file_and_its_script(checkout: Path, server: Server, client: redis.Redis, home: Path) -> None:
    add(checkout, OPERATION)
    add(checkout, SCRIPT)
    first, second = seed.finished(client, count=2)
    qtui = of_checkout(checkout, server, home)

    def run(*arguments: str, code: int = 0) -> str:
        answer = qtui(*arguments, fresh=True, code=code)
        return answer.out + answer.err

    assert re.search(r" keep +Set for how long it is kept from now on\n", run("--help"))
    assert "--for DURATION  How long from now on, such as 12h or 7d.  [required]" in run("keep", "--help")
    assert "Missing option '--for'" in run("keep", "--all", code=2)
    assert "'soon' is not a length of time" in run("keep", "--all", "--for", "soon", code=2)
    assert run("keep", "--all", "--for", "1h", "--dry-run") == "would be: 2 kept\n"
    assert "Keep 2 finished jobs in all queues for 1h on" in run("keep", "--all", "--for", "1h", code=5)
    before = client.time()[0]
    assert run("keep", first, "--for", "1h", "--yes") == "1 kept\n"
    kept = expires_at(client, first)
    assert before + 3600 <= kept < client.time()[0] + 3601
    assert client.zscore(keys.registry("finished", "mail"), first) == pytest.approx(kept, abs=1)
    assert client.ttl(keys.job(second)) < 3000

    command = [sys.executable, "-c", STORY, server.url]
    environment = qtui.environment(PYTHONPATH=f"{checkout}:{ROOT}")
    before = client.time()[0]
    done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    seen = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert "K Keep" in seen["footer"]
    assert "K Keep Set for how long it is kept from now on" in seen["help"]
    assert "Keep Set for how long it is kept from now on" in seen["palette"]
    assert seen["prompt"] == "Keep: for how long? value"
    assert seen["refused"].startswith("'y' is not a length of time")
    assert seen["refused"].endswith("value True")
    assert seen["asked"] == "Keep 1 job for 2h on test? no"
    assert seen["done"] == "['1 kept']"
    last = expires_at(client, second)
    assert before + 7200 <= last < client.time()[0] + 7201, "the one that ended last is under the cursor"
    assert expires_at(client, first) == pytest.approx(kept, abs=0.1), "the other is left alone"


def test_a_command_is_one_file(checkout: Path, server: Server, home: Path) -> None:
    add(checkout, COMMAND)
    qtui = of_checkout(checkout, server, home)
    commands = [
        line.split()[0] for line in qtui("--help", fresh=True).out.partition("Commands:\n")[2].splitlines() if line.strip()
    ]
    assert commands[:2] == ["queues", "ping"]
    assert "How fast the server answers." in qtui("ping", "--help", fresh=True).out
    assert " answered after " in qtui("ping", fresh=True).out
    assert qtui("ping", "--json", fresh=True).json["seconds"] >= 0
    completed = qtui(fresh=True, _QTUI_COMPLETE="complete_bash", COMP_WORDS="qtui p", COMP_CWORD="1")
    assert completed.out.split() == ["ping", "pause"]


def test_a_status_is_one_row(checkout: Path, server: Server, client: redis.Redis, home: Path) -> None:
    shutil.copytree(ROOT / "workers", checkout / "workers", ignore=shutil.ignore_patterns("__pycache__"))
    table = checkout / "workers" / "qtui_workers" / "statuses.py"
    source, last = table.read_text(), '    CANCELED = "canceled"'
    assert source.count(last) == 1
    table.write_text(source.replace(last, STATUS + last))
    job_id = Queue("mail", connection=client).enqueue(tasks.add, 1, b=1).id
    client.hset(keys.job(job_id), "status", "dreaming")
    client.zadd(keys.registry("dreaming", "mail"), {job_id: 1})
    client.lrem(keys.queue("mail"), 0, job_id)
    qtui = Qtui(home, {"REDIS_URL": server.url, "PYTHONPATH": f"{checkout}:{checkout / 'workers'}"})

    assert "DREAMIN" in qtui("queues", fresh=True).out
    (found,) = qtui("jobs", "--status", "dreaming", "--json", fresh=True).json["jobs"]
    assert (found["id"], found["status"]) == (job_id, "dreaming")
    assert "1 canceled" in qtui("cancel", "--status", "dreaming", "--all", "--yes", fresh=True).out
    assert client.hget(keys.job(job_id), "status") == b"canceled"
    assert client.zcard(keys.registry("dreaming", "mail")) == 0


SCREEN = example("qtui/screens/notes.py")
(SCREEN_STYLE,) = re.findall(r"^```css\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SCREEN_STORY = """\
import asyncio, sys
from qtui_workers.server.connection import connect
from tests.screens.support import dashboard

async def story():
    with connect(sys.argv[1]) as client:
        async with dashboard(client, size=(100, 40)) as story:
            print("bar:", story.words)
            await story.press("9")
            print("screen:", story.place)
            print("seen:", next(line for line in story.text.splitlines() if "call Ann" in line))
            await story.press("question_mark")
            print("help:", story.words)
            await story.press("escape", "1", "colon")
            await story.press(*"Notes")
            print("palette:", story.words)

asyncio.run(story())
"""


@pytest.mark.long
def test_a_screen_is_one_file_its_style_and_a_row(checkout: Path, server: Server, client: redis.Redis, home: Path) -> None:
    add(checkout, SCREEN)
    (checkout / "qtui" / "screens" / "notes.tcss").write_text(SCREEN_STYLE)
    places = checkout / "qtui" / "places.py"
    source = places.read_text()
    last = '    Place(8, "enqueue"'
    assert last in source
    places.write_text(source.replace(last, PLACE + last))
    client.rpush("notes", "[b]call Ann[/b]")
    environment = Qtui(home, {"REDIS_URL": server.url}).environment(PYTHONPATH=f"{checkout}:{ROOT}")
    command = [sys.executable, "-c", SCREEN_STORY, server.url]
    done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    seen = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert "9 Notes" in seen["bar"]
    assert seen["screen"] == "NotesScreen"
    assert seen["seen"].startswith("    [b]call Ann[/b]")
    assert "What people wrote in the list of notes." in seen["help"]
    assert "what people wrote down" in seen["palette"]
