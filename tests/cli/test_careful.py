"""`qtui retry` with care, and `qtui cancel --batch`: the options, what is said, and what is refused."""

from __future__ import annotations

import redis

from qtui_workers.server import keys
from tests.broker import seed
from tests.cli.support import Qtui, keyspace


def test_a_retry_is_spread_and_taken_back(qtui: Qtui, client: redis.Redis) -> None:
    seed.failed(client, count=4)
    before = keyspace(client)
    spread = ("retry", "--all", "--queue", "mail", "--over", "1h", "--yes")
    assert "no scheduler is alive for mail" in qtui.fails(5, *spread)
    assert {name: value for name, value in keyspace(client).items() if b"audit" not in name} == before
    client.set(keys.scheduler_lock("mail"), "scheduler")
    report = qtui(*spread, "--json").json
    assert (report["matched"], report["done"]) == (4, 4)
    batch = report["batch"]
    assert report["reasons"] == {f"scheduled over 60 min; qtui cancel --batch {batch} takes back those that are not due yet": 4}
    assert qtui("jobs", "--status", "scheduled", "--filter", f"batch:{batch}", "--json").json["total"] == 4
    assert "give nothing else" in qtui.fails(2, "cancel", "--batch", batch, "--all")
    assert "4 taken back" in qtui("cancel", "--batch", batch, "--yes").out
    assert client.zcard(keys.registry("failed", "mail")) == 4
    assert client.exists(keys.registry("scheduled", "mail")) == 0


def test_a_canary_that_does_not_end_stops_the_retry(qtui: Qtui, client: redis.Redis) -> None:
    seed.failed(client, count=4)
    answer = qtui("retry", "--all", "--queue", "mail", "--canary", "2", "--patience", "1s", "--yes", code=1)
    assert "2 retried; 2 × not tried: 2 of the first 2 have not ended within 1 s" in answer.out
    assert "canary: 0 of 2 finished, waiting for the others" in answer.err


def test_bad_options_are_said(qtui: Qtui) -> None:
    assert "cannot both be had" in qtui.fails(2, "retry", "--all", "--rate", "5/s", "--over", "1h")
    assert "is not a rate" in qtui.fails(2, "retry", "--all", "--rate", "fast")
    assert "is not a share" in qtui.fails(2, "retry", "--all", "--canary", "5", "--max-failing", "many")
