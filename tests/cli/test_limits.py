"""`qtui limits`: what it says of limits, and how it opens one that is closed."""

from __future__ import annotations

from pathlib import Path

import redis

from qtui_workers.define.limit import Limit
from qtui_workers.rate.limiter import Limits
from tests.cli.support import ISO, Qtui, keyspace
from tests.support import Server


def test_limits_are_shown_and_a_closed_one_is_opened(qtui: Qtui, client: redis.Redis) -> None:
    assert qtui("limits").out.startswith("No limits yet")
    assert qtui("limits", "--json").json == []
    limits = Limits(client)
    with limits.acquire(Limit(2, 600, "api.example")):
        limits.close(Limit(1, 2.5, "other"), 3_600, "it \x1b[31masked")
    before = keyspace(client)
    first, second = qtui("limits", "--json").json
    assert first == first | {"name": "api.example", "max": 2, "per_seconds": 600, "used": 1, "waiting": 0, "closed_until": None}
    assert (first["next_free_seconds"], first["closed_because"]) == (0, None)
    assert second["closed_because"] == "it ␛[31masked"
    assert second["closed_until"] == second["next_free_at"]
    assert ISO.fullmatch(second["closed_until"])
    assert 3_500 < second["next_free_seconds"] <= 3_600
    head, *lines = qtui("limits").out.splitlines()
    assert head.split("  ")[0] == "LIMIT"
    assert lines[0].split() == ["api.example", "2", "10m", "1", "0", "now"]
    assert "it ␛[31masked" in lines[1]
    assert keyspace(client) == before

    assert qtui("limits", "--reopen", "other", "--reopen", "api.example", "--json").json == {
        "operation": "reopen", "done": ["other"], "already": ["api.example"],
    }  # fmt: skip
    assert qtui("limits", "--json").json[1]["closed_until"] is None
    assert "CLOSED" not in qtui("limits").out


def test_an_unknown_limit_and_a_read_only_connection_are_refused(
    qtui: Qtui, bare: Qtui, client: redis.Redis, server: Server, tmp_path: Path
) -> None:
    limits = Limits(client)
    limits.close(Limit(1, 2.5, "other"), 3_600)
    assert "there is no limiter 'none'" in qtui.fails(4, "limits", "--reopen", "other", "--reopen", "none")
    (config := tmp_path / "config.toml").write_text(f'[contexts.prod]\nurl = "{server.url}"\nread_only = true\n')
    prod = ("--context", "prod")
    assert "read-only" in bare.fails(5, "limits", "--reopen", "other", *prod, QTUI_CONFIG=str(config))
    assert "other" in bare("limits", *prod, QTUI_CONFIG=str(config)).out
    assert limits.state("other").closed_until is not None
