"""What an error of Redis means is found in what the server says, not in the names that people gave."""

from __future__ import annotations

import pytest
import redis

from qtui_workers.errors import RedisUnavailable
from qtui_workers.server.redis_errors import explain, is_refused_write

BUSY = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."


@pytest.mark.parametrize("queue", ["ask", "moved", "oom", "misconf", "noperm", "readonly"])
def test_a_name_in_the_arguments_of_a_command_is_no_cause(queue: str) -> None:
    said = f"Command # 1 (LLEN rq:queue:{queue} (x)) of pipeline caused error: WRONGTYPE Operation against a key"
    assert "of another type" in str(explain(redis.ResponseError(said), "host:6379/0"))


def test_an_error_that_was_explained_before_is_no_cause_of_a_later_one() -> None:
    later = redis.ResponseError("NOREPLICAS Not enough good replicas to write.")
    later.__context__ = RedisUnavailable("Redis at /misconf/socket failed.")
    assert "too few replicas" in str(explain(later, "/misconf/socket"))


def test_a_worker_waits_for_a_server_that_is_busy_with_a_script() -> None:
    assert is_refused_write(redis.ResponseError(BUSY))
    assert not is_refused_write(redis.ResponseError("ERR BUSY"))
