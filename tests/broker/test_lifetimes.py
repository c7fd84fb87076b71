"""For how long ended jobs are kept, as the script that lists them sees it (`lifetimes.lua`)."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
import redis

from qtui_workers.server.rq_format import format_time
from qtui_workers.server.scripts import Script

_LIFETIMES = Script(
    """
    -- requires: lifetimes
    -- arguments: known
    local found = {}
    for _, span in ipairs(lifetimes_in({ unpack(ARGV, FIRST) }, args.known)) do
      found[#found + 1] = span[1] .. ':' .. span[2]
    end
    return found
    """.replace("    ", ""),
    "qtui.broker",
)


def test_lifetimes_are_told_from_times_of_any_date(client: redis.Redis) -> None:
    chance = random.Random(7)
    edges = [
        datetime(year, month, day, tzinfo=UTC)
        for year in (1970, 2000, 2100)
        for month, day in ((1, 1), (2, 28), (3, 1), (12, 31))
    ]
    ends = [edge.timestamp() + more for edge in (*edges, datetime(2024, 2, 29, tzinfo=UTC)) for more in (0, 86_399.75)]
    ends += [chance.uniform(0, 6e9) for _ in range(300)]
    samples = [part for end in ends for part in (f"{int(end) + 500}", format_time(end))]
    assert _LIFETIMES.read(client, *samples, known="") == [b"499:500"]


@pytest.mark.parametrize(
    ("samples", "known", "found"),
    [
        (["1000", "1970-01-01T00:10:00Z"], "", [b"400:400"]),  # as older versions of RQ wrote it
        (["1000", "1970-01-01T00:10:00.000000Z"], "402:403 900:900", [b"400:403", b"900:900"]),
        (["inf", "", "-1", "1970-01-01T00:10:00.000000Z"], "5:5 -1:-1", [b"-1:-1", b"5:5"]),
        (["1000", "yesterday", "1000", "", "500", "1970-01-01T00:10:00.000000Z"], "", [b"0:0"]),
        (
            [],
            "10:10 20:20 40:40 41:41 70:70 75:75 100:100 200:200",
            [b"10:10", b"20:20", b"40:41", b"70:75", b"100:100", b"200:200"],
        ),
    ],
)
def test_lifetimes_are_spans_that_do_not_touch_and_are_not_many(
    client: redis.Redis, samples: list[str], known: str, found: list[bytes]
) -> None:
    assert _LIFETIMES.read(client, *samples, known=known) == found
