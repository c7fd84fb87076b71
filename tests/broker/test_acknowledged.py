"""What is known of causes: records that are damaged count as not there."""

from __future__ import annotations

import pytest
import redis

from qtui.broker.diagnosis import acknowledged
from qtui_workers.server import keys


@pytest.mark.parametrize("raw", ["", "{", "[]", "5", '{"at": "x", "note": ""}', '{"at": 1}', "[" * 5_000])
def test_a_damaged_record_is_left_out(client: redis.Redis, raw: str) -> None:
    client.hset(keys.ACKNOWLEDGED, mapping={"odd": raw, "fine": '{"at": 1.5, "note": "n"}'})
    assert acknowledged.load(client) == {"fine": acknowledged.Acknowledgement(1.5, "n")}
