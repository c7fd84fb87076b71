"""The README says what is: its commands exist and its examples run, and what exists is in it."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
import typer.main
import yaml
from textual.binding import Binding
from textual.dom import DOMNode

import qtui.screens
import qtui.widgets
from qtui.broker.operations import OPERATIONS, Report
from qtui.broker.search.expression import parse
from qtui.broker.search.qualifiers import QUALIFIERS
from qtui.broker.workers.worker_commands import COMMANDS as WORKER_COMMANDS
from qtui.dashboard.app import QtuiApp
from qtui.places import PLACES
from qtui.printing import metrics
from qtui_workers import cli as worker_cli
from qtui_workers.errors import QtuiError
from qtui_workers.server import keys
from tests.cli.support import all_commands
from tests.cli.test_look import JOB, QUEUE, WHOLE
from tests.everything import all_settings
from tests.support import clean_environment

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
PROGRAMS = Path(sys.executable).parent
KEYS = {
    "up": "↑", "down": "↓", "left": "←", "right": "→", "pageup": "PgUp", "pagedown": "PgDn", "home": "Home", "end": "End",
    "escape": "esc", "left_square_bracket": "[", "right_square_bracket": "]", "question_mark": "?", "colon": ":", "slash": "/",
    "minus": "-", "exclamation_mark": "!", "vertical_line": "\\|",
}  # fmt: skip
"""What people call the keys that Textual names otherwise."""


def section(heading: str) -> str:
    """The text under a heading, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(heading)}$(.*?)(?=^##+ |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands_of(block: str) -> Iterator[list[str]]:
    """Every simple command in lines of shell, as its words."""
    for line in block.splitlines():
        lexer = shlex.shlex(line.replace("$(", " ; ").replace(")", " ; "), posix=True, punctuation_chars=";|")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word in (";", "|"):
                if words and not re.fullmatch(r"\w+=", words[0]):
                    yield words
                words = []
            else:
                words.append(word)


ALL_COMMANDS = [words for block in blocks(README, "sh") for words in commands_of(block)]


def run(home: Path, script: str, **variables: str) -> str:
    """Lines of shell in an empty folder, up to the first that fails; what they wrote to standard output."""
    path = f"{PROGRAMS}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=clean_environment(home, PATH=path, QTUI_EMBEDDED_GRACE="0.2", **variables),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("words", ALL_COMMANDS, ids=" ".join)
def test_every_command_in_the_readme_exists_as_it_is_written(words: list[str]) -> None:
    program, *rest = words
    if program == "qtui":
        with all_commands()[rest[0]].make_context(rest[0], rest[1:]) as context:
            assert context.params
    elif program == "qtui-worker":
        with typer.main.get_command(worker_cli.make_app()).make_context(program, rest) as context:
            assert context.params
    elif program == "make":
        assert rest[0] in make_targets()
    else:
        assert program in ("pipx", "export", "printf")


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_every_make_target_named_exists_and_the_two_that_matter_are_named() -> None:
    named = set(re.findall(r"`?make ([a-z]+)`?", " ".join(re.findall(r"`make [a-z]+`|^make [a-z]+", README, re.MULTILINE))))
    assert {"demo", "test"} <= named <= make_targets()


@pytest.mark.long
def test_the_first_round_runs_as_it_is_written_in_an_empty_home(short_path: Path) -> None:
    (script,) = blocks(section("A first round"), "sh")
    out = run(short_path, script)
    assert "would be: 3 retried" in out
    assert "\n3 retried\n3 removed\n" in out
    assert "TestJobFailed: told to fail: hello" in out
    assert '"attempt": 1' in out


def test_the_ways_to_name_a_payload_work_as_they_are_written(short_path: Path) -> None:
    (script,) = blocks(section("Commands"), "sh")
    script = "qtui-worker & worker=$!; trap 'kill $worker; wait $worker' EXIT\n" + script
    out = run(short_path, script)
    assert json.loads(out[out.index("{") :])["status"] == "finished"
    assert "yearly" in out


def test_every_filter_in_the_readme_can_be_read() -> None:
    filters = re.findall(r"--filter '([^']*)'", section("Commands"))
    assert len(filters) > 3
    for text in filters:
        parse(text)
    assert all(f"`{name}`" in section("Commands") for name in QUALIFIERS if name != "payload")


@pytest.mark.long
def test_the_processor_in_the_readme_works(short_path: Path) -> None:
    (source,) = blocks(section("A processor of your own"), "python")
    (script,) = blocks(section("A processor of your own"), "sh")
    write(short_path, source)
    out = run(short_path, f"{script}\nqtui jobs media --status finished --json")
    (job,) = json.loads(out[out.index("{") :])["jobs"]
    assert job["progress"]["message"] == "b.png"
    (call,) = re.findall(r"`(QueueService[^`]*)`", section("A processor of your own"))
    (test,) = re.findall(r"`(thumbnails\(Thumb[^`]*)`", section("A processor of your own"))
    python = f"from qtui_workers import QueueService; from my_app.thumbnails import *; print({call}.queue, type({test}).__name__)"
    out = run(short_path, f"python -c {shlex.quote(python)}", PYTHONPATH=".", QTUI_PROCESSORS="my_app.thumbnails")
    assert out == "media Made\n"


@pytest.mark.long
def test_the_developers_examples_in_the_readme_work(short_path: Path) -> None:
    for source in blocks(section("What else to import"), "python"):
        write(short_path, source)
    (short_path / "publish.toml").write_text('command = ["true"]')
    script = """
        python -c 'from my_app.web import watch; watch()' > watched & watching=$!
        trap 'kill $watching; wait $watching || true' EXIT
        until grep -q '^queued' watched; do qtui enqueue test_job >> probes; done
        python -m pytest -q -p no:cacheprovider -p qtui_workers.testing my_app
        id=$(qtui enqueue tile zoom=3)
        qtui enqueue tile zoom=20 --id lost
        qtui-worker --burst
        grep "^completed $id" watched
        grep "^failed lost" watched
        qtui job "$id" --json
        python -c 'from pathlib import Path; from my_app.web import publish; print("record:", publish(Path(".")).status)'
    """
    out = run(short_path, script, PYTHONPATH=".", QTUI_PROCESSORS="my_app.tiles")
    assert "2 passed" in out
    assert "no map has a zoom above 19" in out
    assert "record: queued" in out
    document = json.loads(out[out.index("{\n") : out.rindex("}") + 1])
    assert document["result"]["file"] == f"{document['id']}.png"
    assert (short_path / document["result"]["file"]).is_file()


def write(folder: Path, source: str) -> Path:
    """Write an example to where its first line says."""
    path = folder / source.partition("\n")[0].removeprefix("# ")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    return path


def test_the_screen_in_the_readme_works(server, short_path: Path) -> None:
    (source,) = blocks(section("A screen of your own"), "python")
    folder = write(short_path, source).parent
    program = f"""
import asyncio, redis
import qtui.screens
from qtui import places
qtui.screens.__path__.append({str(folder)!r})
places.PLACES += (places.Place(9, "clients", "Clients", "who is connected to the server"),)
from qtui.dashboard.app import QtuiApp
from qtui.shared.session import Session
from qtui_workers.server.contexts import Context
from qtui_workers.server.connection import dial, resolve

async def story():
    target = resolve({server.url!r})
    with dial(target, role="a client of the README") as client:
        app = QtuiApp(Session(Context("test", target), client, refresh_seconds=None))
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.press("9")
            await app.workers.wait_for_complete()
            await pilot.pause()
            print(type(app.screen).__name__, [row["name"] for row in app.screen.data])

asyncio.run(story())
"""
    out = run(short_path, f"python -W error -c {shlex.quote(program)}", PYTHONPATH=str(ROOT))
    assert out.startswith("ClientsScreen [")
    assert "a-client-of-the-README" in out


def test_every_command_and_its_exit_codes_are_in_the_readme() -> None:
    for name in all_commands():
        assert f"`qtui {name}" in section("Commands"), name
    for kind in QtuiError.__subclasses__():
        assert re.search(rf"^\| {kind.exit_code} \|", section("Commands"), re.MULTILINE), kind


def test_the_table_of_commands_has_them_in_the_order_of_the_help() -> None:
    rows = re.findall(r"^\| (`qtui .*?) \|", section("Commands"), re.MULTILINE)
    assert re.findall(r"`qtui ([a-z-]+)", " ".join(rows)) == list(all_commands())


def test_every_operation_is_in_the_readme_with_its_key_its_parameter_and_its_report() -> None:
    """The keys are listed as "`R` `C` …" beside "retry, cancel, …", in the order of the operations."""
    keys = " ".join(f"`{operation.key}`" for operation in OPERATIONS.values())
    (words,) = re.findall(rf"^\| {keys} \| (.*?): ", section("Keys"), re.MULTILINE)
    assert [word.partition(" ")[0] for word in words.split(", ")] == list(OPERATIONS)
    assert f"\n- {', '.join(f'`{name}`' for name in OPERATIONS)}: `operation`" in section("JSON")
    for operation in OPERATIONS.values():
        if operation.parameter:
            assert f"`{operation.name}` needs `--{operation.parameter.name} {operation.parameter.metavar}`" in section("Commands")


def test_every_command_to_a_worker_is_in_the_readme_with_its_key() -> None:
    for command in WORKER_COMMANDS.values():
        assert f"`{command.name}`: " in section("Commands"), command
    keys = " ".join(f"`{command.key}`" for command in WORKER_COMMANDS.values() if command.key)
    assert f"| {keys} | on Workers: " in section("Keys")


DOCUMENTS = {"queues": QUEUE, "jobs": JOB, "job": WHOLE, "report": {field.name for field in fields(Report)}}


@pytest.mark.parametrize("names", DOCUMENTS.values(), ids=DOCUMENTS)
def test_every_json_field_is_in_the_readme(names: set[str]) -> None:
    missing = [name for name in sorted(names) if f"`{name}`" not in section("JSON")]
    assert not missing


def bindings() -> Iterator[tuple[str, Binding]]:
    """Every binding of ours, with the class that has it."""
    modules = [importlib.import_module("qtui.dashboard.app")]
    for package in (qtui.screens, qtui.widgets):
        modules += [importlib.import_module(f"{package.__name__}.{info.name}") for info in pkgutil.iter_modules(package.__path__)]
    for module in modules:
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, DOMNode) and kind.__module__ == module.__name__:
                yield from ((kind.__name__, b) for b in vars(kind).get("BINDINGS", ()) if isinstance(b, Binding))


def test_every_key_of_every_screen_is_in_the_readme() -> None:
    found = list(bindings())
    assert len(found) > 30
    missing = [
        f"{owner}: {key}"
        for owner, binding in found
        for key in binding.key.split(",")
        if not key.isdecimal() and f"`{KEYS.get(key, key)}`" not in section("Keys")
    ]
    assert not missing


def test_every_screen_is_in_the_readme_with_its_key() -> None:
    for place in PLACES:
        assert f"| `{place.number}` {place.title} |" in section("The dashboard")
    assert list(QtuiApp.MODES) == [place.name for place in PLACES]


def test_the_example_of_keda_scales_on_what_there_is() -> None:
    block = next(block for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if "ScaledObject" in block)
    by_length, by_age = (trigger["metadata"] for trigger in yaml.safe_load(block)["spec"]["triggers"])
    assert by_length["listName"] == keys.queue("payments")
    assert re.findall(r"\w+(?=\{queue=)", by_age["query"])[0] in metrics.GAUGES
    assert all(isinstance(value, str) for metadata in (by_length, by_age) for value in metadata.values())


def test_every_link_leads_somewhere() -> None:
    targets = re.findall(r"\]\(([^)]+)\)", README)
    assert any(target.endswith(".svg") for target in targets)
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.*)", README, re.MULTILINE)}
    for target in targets:
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif not target.startswith("https://"):
            assert (ROOT / target).is_file(), target


def test_every_variable_is_in_the_example_and_in_the_readme() -> None:
    example = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert example == {name.upper() for topic in all_settings() for name in topic.names()}
    assert [name for name in sorted(example) if f"`{name}`" not in README] == []


def test_nothing_that_steers_a_terminal_is_in_the_docs() -> None:
    for name in ("README.md", "CHANGELOG.md"):
        assert all(character.isprintable() or character == "\n" for character in (ROOT / name).read_text("utf-8")), name


def test_the_changelog_begins_with_this_version() -> None:
    from importlib.metadata import version

    assert re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0] == version("qtui-rq")
