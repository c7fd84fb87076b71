"""The rights of users: what is granted is enough, what is missing is named."""

from __future__ import annotations

import re

import pytest
import redis

from qtui_workers.server import rights
from tests import lua
from tests.support import Server, reads_with


def rules_of(client: redis.Redis, role: rights.Rights) -> list[str]:
    """The rules of a role as this server knows them."""
    return role.rules(read_only_scripts=reads_with(client) == "EVALSHA_RO").split()


@pytest.mark.parametrize("role", rights.ALL, ids=lambda role: role.name)
def test_a_user_with_these_rights_lacks_nothing(own_server: Server, role: rights.Rights) -> None:
    with own_server.client() as client:
        client.execute_command("ACL", "SETUSER", "u", "reset", "on", ">p", *rules_of(client, role), "+multi", "+discard")
    with redis.Redis(unix_socket_path=own_server.socket, username="u", password="p") as user:
        assert rights.lacking(user, role.needed) == []


@pytest.mark.parametrize(("package", "role"), [("qtui_workers", rights.WORKING), ("qtui.broker", rights.OPERATING)])
def test_what_scripts_call_is_among_the_rights(package: str, role: rights.Rights) -> None:
    found = {
        name.lower()
        for path in lua.folder(package).glob("*.lua")
        for name in re.findall(r"\b(?:call|try|reply_of)\('([A-Z]+)'", path.read_text("utf-8"))
    }
    allowed = {name.partition("|")[0] for name in role.commands()} | {"info"}
    assert len(found) > 10
    assert found <= allowed
