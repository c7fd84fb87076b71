"""No script uses what the oldest server that we support does not have.

Servers from 7.0 on say since when each command, and each option of it, exists. What they cannot say is checked by rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from qtui_workers.server.redis_errors import OLDEST
from tests import lua
from tests.support import reads_with

SOURCES = [path for package in lua.PACKAGES for path in sorted(lua.folder(package).glob("*.lua"))]
CALL = re.compile(r"(?:redis\.p?call|reply_of)\((.*)")
WORD = re.compile(r"'([A-Z]{3,})'")
LIBRARIES = {"redis", "string", "table", "math", "cjson", "struct", "bit", "cmsgpack"}
FUNCTIONS = {"call", "pcall", "log", "sha1hex", "error_reply", "status_reply", "replicate_commands", "breakpoint", "debug"}
"""What `redis` has in a script of Redis 6.2."""
ABOVE_ZERO = {
    "-(first + count)": "window.lua returns before that where both are 0",
    "-(first + 1)": "above 0",
    "-limiter.max - 1": "above 0",
    "-args.kept - 1": "above 0",
    "-args.sample": "queue_look.SAMPLE, above 0",
    "-from": "1 or -1",
}
"""Negated arguments, and why none of them is -0, which a server before 7.2.5 does not take for a number."""


def code(path: Path) -> list[str]:
    return [line.partition("--")[0] for line in path.read_text("utf-8").splitlines()]


def calls(path: Path) -> Iterator[str]:
    """The arguments of each call of a command, as far as they stand in its line."""
    for line in code(path):
        yield from CALL.findall(line)


def version(text: object) -> tuple[int, ...]:
    return tuple(map(int, str(text).split(".")))


def known(value: Any) -> Any:
    """A part of the reply to COMMAND DOCS, as plain dictionaries in either protocol."""
    if isinstance(value, dict):
        return {_text(key): known(one) for key, one in value.items()}
    return [known(one) for one in value] if isinstance(value, list) else _text(value)


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def tokens(arguments: list[dict[str, Any]]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The words that a command takes, each with the version that it came with."""
    for one in arguments:
        if "token" in one:
            yield one["token"], version(one.get("since", "0"))
        yield from tokens(one.get("arguments", []))


def newer(docs: dict[str, Any], call: str) -> list[str]:
    """The words of a call that came after the oldest server."""
    words = WORD.findall(call)
    commands = [word for word in words if word.lower() in docs]
    found = [word for word in commands if version(docs[word.lower()]["since"])[:2] > OLDEST]
    for command in commands:
        options = dict(tokens(docs[command.lower()].get("arguments", [])))
        found += [f"{command} {word}" for word in words if options.get(word, (0,))[:2] > OLDEST]
    return found


@pytest.fixture
def docs(client: redis.Redis) -> dict[str, Any]:
    if reads_with(client) == "EVALSHA":
        pytest.skip("COMMAND DOCS came with Redis 7.0")
    found: dict[str, Any] = known(client.execute_command("COMMAND DOCS"))
    return found


def test_commands_and_options_of_scripts_exist_on_the_oldest_server(docs: dict[str, Any]) -> None:
    assert [(path.name, word) for path in SOURCES for call in calls(path) for word in newer(docs, call)] == []


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("'LMPOP', 1, key, 'LEFT')", ["LMPOP"]),
        ("'EXPIRETIME', key)", ["EXPIRETIME"]),
        ("one and 'SINTERCARD' or 'LLEN', key)", ["SINTERCARD"]),
        ("'XADD', key, 'NOMKSTREAM', '*')", []),
    ],
)
def test_what_is_newer_is_found(docs: dict[str, Any], call: str, words: list[str]) -> None:
    assert newer(docs, call) == words


def test_scripts_use_only_the_libraries_and_functions_of_the_oldest_server() -> None:
    wrong = []
    for path in SOURCES:
        text = "\n".join(code(path))
        wrong += [(path.name, name) for name in re.findall(r"\b(os|io|server|debug|package|coroutine)\s*[.\[]", text)]
        wrong += [(path.name, name) for name in re.findall(r"\bredis\.(\w+)", text) if name not in FUNCTIONS]
    assert wrong == []


def test_no_argument_of_a_command_can_be_minus_zero() -> None:
    negated = re.compile(r"[,(] *(-(?:\([^()]*\)|[A-Za-z_][\w.]*)(?: - \d+)?)")
    found = {one for path in SOURCES for call in calls(path) for one in negated.findall(call)}
    assert found <= set(ABOVE_ZERO) | {"-ahead"}  # limit.lua: more than a second
    assert set(ABOVE_ZERO) <= found
