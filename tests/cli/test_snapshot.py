"""`qtui --snapshot`: a frame of the dashboard for a file, a chat or a log."""

from __future__ import annotations

import redis

from tests.broker import seed
from tests.cli.support import Qtui


def test_one_frame_is_printed_as_text_in_the_size_of_the_terminal(qtui: Qtui, client: redis.Redis) -> None:
    seed.failed(client, "mail", 3)
    lines = qtui("--snapshot", COLUMNS="100", LINES="20").out.splitlines()
    assert len(lines) == 20
    assert all(len(line) <= 100 for line in lines)
    assert lines[0].startswith(" qtui  ●")
    assert "1 Queues" in lines[1]
    assert any("mail" in line for line in lines[4:8])
    assert "\x1b" not in "".join(lines)


def test_where_redis_is_away_it_is_exit_3(bare: Qtui) -> None:
    assert "does not run" in bare("--url", "redis://127.0.0.1:1", "--snapshot", code=3).err
