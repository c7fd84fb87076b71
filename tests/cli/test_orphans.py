"""`qtui orphans`."""

from __future__ import annotations

import redis

from qtui_workers.server import keys
from tests.broker.test_orphans import lost
from tests.cli.support import Qtui


def test_orphans_are_shown_and_put_back_when_asked(qtui: Qtui, client: redis.Redis) -> None:
    (job_id,) = lost(client)
    seen = qtui("orphans", "--json").json
    assert (seen["scanned"], seen["complete"], [job["id"] for job in seen["jobs"]]) == (1, True, [job_id])
    assert "--put-back" in qtui.fails(2, "orphans", job_id)
    assert "say --yes" in qtui.fails(5, "orphans", "--put-back")
    assert client.llen(keys.queue("mail")) == 0
    assert "1 put at the head of its queue" in qtui("orphans", "--put-back", "--yes").out
    assert client.llen(keys.queue("mail")) == 1
    assert qtui("orphans").out == "0 in no list, of 1 jobs\n"


def test_some_orphans_are_put_back_by_their_ids(qtui: Qtui, client: redis.Redis) -> None:
    first, second = lost(client, 2)
    assert "1 put at the head of its queue" in qtui("orphans", "--put-back", "--yes", second).out
    assert client.lrange(keys.queue("mail"), 0, -1) == [second.encode()]
    assert [job["id"] for job in qtui("orphans", "--json").json["jobs"]] == [first]
