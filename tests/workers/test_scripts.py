"""Scripts on a real server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
import redis

from qtui_workers.server import keys
from qtui_workers.server.scripts import Script
from tests import lua
from tests.support import Server, reads_with
from tests.workers.support import environment


def test_a_script_knows_the_names_of_all_keys(client: redis.Redis) -> None:
    names = Script("return { keys.job('a:b'), keys.registry('wip', 'q'), keys.EVENTS }").run(client)
    assert names == [keys.job("a:b").encode(), keys.registry("wip", "q").encode(), keys.EVENTS.encode()]


def test_a_prefix_may_hold_anything(server: Server, home: Path) -> None:
    prefix = 'it\'s "é"\\n'
    code = "import sys, redis; from qtui_workers.server.scripts import Script; c = redis.Redis.from_url(sys.argv[1])\n"
    code += "sys.stdout.buffer.write(Script('return keys.PREFIX').run(c)); c.close()"
    done = subprocess.run(
        [sys.executable, "-c", code, server.url], env=environment(home, RQ_KEY_PREFIX=prefix), capture_output=True, check=True
    )
    assert done.stdout.decode() == prefix


def test_a_script_is_sent_whole_only_until_the_server_knows_it(client: redis.Redis) -> None:
    client.script_flush()
    script = Script("-- arguments: name\nreturn { args.name, ARGV[FIRST] }")
    assert [script.run(client, "\udcff", name="k") for _ in range(3)] == [[b"k", b"\xff"]] * 3
    stats = client.info("commandstats")
    assert (stats["cmdstat_eval"]["calls"], stats["cmdstat_evalsha"]["calls"]) == (1, 3)


@pytest.mark.parametrize(("path", "script"), lua.all_scripts(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_script_is_lua_that_a_server_takes(client: redis.Redis, path: str, script: Script) -> None:
    assert client.script_load(script.text) == script.digest


WRITE: Final = Script("-- arguments: key\nreturn redis.call('INCR', args.key)")
COUNT: Final = Script("-- arguments: key\nreturn redis.call('EXISTS', args.key)")


def test_the_server_itself_refuses_a_write_of_what_only_reads(client: redis.Redis) -> None:
    if reads_with(client) == "EVALSHA":
        pytest.skip("Redis 6.2 has no command that refuses it")
    with pytest.raises(redis.ResponseError, match="Write commands are not allowed"):
        WRITE.read(client, key="x")
    assert not client.exists("x")
    assert WRITE.run(client, key="x") == 1
    assert COUNT.read_many(client, [{"key": key} for key in ("x", "y", "x")]) == [1, 0, 1]


def test_a_server_without_read_only_calls_is_called_the_usual_way(client: redis.Redis, short_path: Path) -> None:
    forbidden = 'rename-command EVALSHA_RO ""\n' if reads_with(client) == "EVALSHA_RO" else ""
    (short_path / "older").write_text(forbidden)
    server = Server(short_path, {"include": str(short_path / "older")})
    server.start()
    try:
        with server.client() as older:
            older.set("x", 1)
            assert [COUNT.read(older, key="x") for _ in range(3)] == [1, 1, 1]
            assert COUNT.read_many(older, [{"key": key} for key in ("x", "y", "x")]) == [1, 0, 1]
            assert older.info("commandstats")["cmdstat_evalsha"]["calls"] == 6
    finally:
        server.kill()
