"""The table of rights has every command that scripts run."""

from __future__ import annotations

import re

import pytest

from qtui_workers.server.rights import LOOKING, OPERATING, WORKING, Rights
from tests import lua

FIRST = re.compile(r"(?:redis\.p?call|reply_of)\(([^,)]*)")
ARGUMENT = re.compile(r"(?:read|stream)\([^,()]*, '([A-Z]{3,})'")
"""A command that a script gives to a function of its own."""


def commands(package: str) -> set[str]:
    found: set[str] = set()
    for path in lua.folder(package).glob("*.lua"):
        text = "\n".join(line.partition("--")[0] for line in path.read_text("utf-8").splitlines())
        found |= {word for first in FIRST.findall(text) for word in re.findall(r"'([A-Z]{3,})'", first)}
        found |= set(ARGUMENT.findall(text))
    return {word.lower() for word in found}


def names(role: Rights) -> set[str]:
    return {name.partition("|")[0] for name in role.commands()}


@pytest.mark.parametrize(("role", "package"), [(OPERATING, "qtui.broker"), (WORKING, "qtui_workers")])
def test_a_role_may_run_what_its_scripts_run(role: Rights, package: str) -> None:
    assert commands(package) - names(role) == set()


@pytest.mark.parametrize(("user", "role"), [("viewer", LOOKING), ("operator", OPERATING), ("worker", WORKING)])
def test_the_readme_has_the_rules_of_each_role(user: str, role: Rights) -> None:
    assert f"\nACL SETUSER {user} on >SECRET {role.rules()}\n" in (lua.ROOT / "README.md").read_text("utf-8")


def test_who_looks_may_write_nothing_and_who_works_may_look() -> None:
    assert not names(LOOKING) & {"set", "hset", "del", "unlink", "lpush", "rpush", "zadd", "zrem", "sadd", "evalsha", "eval"}
    assert names(LOOKING) <= names(WORKING)
    assert names(LOOKING) <= names(OPERATING)
