"""An option or a word that is empty, as with a variable that is not set, is never read as if it were left out."""

from __future__ import annotations

import pytest
import redis

from tests.broker import seed
from tests.cli.support import Qtui, keyspace

EMPTY = (
    ("remove", "--all", "--status", "failed", "--filter", "", "--yes"),
    ("remove", "--all", "--status", "failed", "--filter", "  ", "--yes"),
    ("retry", "--all", "--status", "", "--yes"),
    ("retry", "--all", "--rate", "", "--yes"),
    ("retry", "--all", "--over", "", "--yes"),
    ("retry", "--all", "--context", "", "--yes"),
    ("retry", "--all", "--url", "", "--yes"),
    ("move", "--all", "--status", "failed", "--to", "", "--yes"),
    ("suspend", "--for", ""),
    ("cancel", "--batch", "", "--yes"),
    ("hold", ""),
    ("jobs", "--sort", ""),
    ("jobs", "--status", ""),
    ("jobs", "--filter", ""),
    ("count", "--filter", ""),
    ("failures", "--filter", ""),
    ("tail", "--filter", ""),
    ("enqueue", "test_job", "--queue", ""),
    ("enqueue", "test_job", "--delay", ""),
    ("enqueue", "test_job", "--id", ""),
    ("enqueue", "test_job", "--priority", ""),
    ("enqueue", "test_job", "--at", ""),
    ("enqueue", "test_job", "--timeout", ""),
    ("enqueue", "test_job", "--backoff", ""),
    ("check", "--oldest", ""),
)
NOWHERE = (
    ("remove", "", "--yes"),
    ("retry", "--all", "--queue", "", "--yes"),
    ("jobs", ""),
    ("failures", ""),
    ("stats", ""),
    ("job", ""),
    ("edit", "", "--set", "a=1"),
    ("pause", ""),
    ("undo", ""),
    ("cancel", "--batch", "1f2e3d4c5b6a", "--yes"),
    ("release", "shop.charge"),
    ("worker", "", "shutdown"),
    ("limits", "--reopen", ""),
    ("orphans", "--put-back", "nosuch"),
    ("enqueue", ""),
)


@pytest.mark.parametrize(
    ("code", "words"),
    [*((2, words) for words in EMPTY), *((4, words) for words in NOWHERE)],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else str(each),
)
def test_it_is_wrong_usage_or_found_nowhere_and_changes_nothing(
    qtui: Qtui, client: redis.Redis, code: int, words: tuple[str, ...]
) -> None:
    seed.failed(client, "mail", 2)
    before = keyspace(client)
    qtui.fails(code, *words)
    assert keyspace(client) == before
