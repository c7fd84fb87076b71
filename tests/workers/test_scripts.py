"""Scripts on a real server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import redis

from qtui_workers.server import keys
from qtui_workers.server.scripts import Script
from tests.support import Server
from tests.workers.support import environment


def test_a_script_knows_the_prefixes_of_all_keys(client: redis.Redis) -> None:
    assert Script("return {RQ, OURS}")(client) == [keys.PREFIX.encode(), keys.OURS.encode()]


def test_a_prefix_may_hold_anything(server: Server, home: Path) -> None:
    prefix = 'it\'s "é"\\n'
    code = "import sys, redis; from qtui_workers.server.scripts import Script; c = redis.Redis.from_url(sys.argv[1])\n"
    code += "sys.stdout.buffer.write(Script('return RQ')(c)); c.close()"
    done = subprocess.run(
        [sys.executable, "-c", code, server.url], env=environment(home, RQ_KEY_PREFIX=prefix), capture_output=True, check=True
    )
    assert done.stdout.decode() == prefix


def test_a_script_is_sent_whole_only_until_the_server_knows_it(client: redis.Redis) -> None:
    client.script_flush()
    script = Script("return {KEYS[1], ARGV[1]}")
    assert [script(client, ["k"], ["\udcff"]) for _ in range(3)] == [[b"k", b"\xff"]] * 3
    stats = client.info("commandstats")
    assert (stats["cmdstat_eval"]["calls"], stats["cmdstat_evalsha"]["calls"]) == (1, 3)
