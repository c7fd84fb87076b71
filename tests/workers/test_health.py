"""What qtui-worker answers to those who ask whether it lives and is ready."""

from __future__ import annotations

import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from qtui_workers.engine.health import Health
from qtui_workers.errors import InvalidInput
from tests.support import Server, wait_until
from tests.workers import engine
from tests.workers.sockets import free_port
from tests.workers.support import run, working


def ask(port: int, path: str) -> tuple[int, str]:
    """The code and the text of an answer; 0 where nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return int(answer.status), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def is_ready(port: int) -> bool:
    return ask(port, "/ready")[0] == 200


def test_a_worker_is_ready_once_it_is_registered_and_while_redis_answers(own_server: Server, home: Path) -> None:
    port = free_port()
    with working(own_server, home, "--health-port", str(port)) as worker:
        wait_until(lambda: is_ready(port), description="ready")
        assert ask(port, "/live") == (200, "live\n")
        own_server.kill()
        wait_until(lambda: not is_ready(port), description="not ready without Redis")
        assert ask(port, "/live")[0] == 200
        own_server.start()
        wait_until(lambda: is_ready(port), description="ready again")
        assert 'qtui_worker_ready{worker="1"} 1' in ask(port, "/metrics")[1]
        assert ask(port, "/elsewhere")[0] == 404
        worker.send_signal(signal.SIGTERM)
        worker.wait(20)
        wait_until(lambda: ask(port, "/live")[0] == 0, description="nobody answers for a worker that has ended")


def test_one_that_was_killed_leaves_nobody_who_answers_for_it(server: Server, home: Path) -> None:
    port = free_port()
    with working(server, home, "--health-port", str(port)) as worker:
        wait_until(lambda: is_ready(port), description="ready")
        worker.kill()
        worker.wait(20)
        wait_until(lambda: ask(port, "/live")[0] == 0, description="nobody answers")


def test_a_pool_is_ready_where_one_of_it_is(server: Server, client: redis.Redis, home: Path) -> None:
    port = free_port()
    with working(server, home, "--concurrency", "2", "--health-port", str(port)):
        wait_until(lambda: ask(port, "/ready") == (200, "ready: 2 of 2\n"), description="both are ready")


@pytest.mark.parametrize("mode", [(), ("--in-process",)])
def test_it_answers_while_a_job_runs(server: Server, client: redis.Redis, home: Path, mode: tuple[str, ...]) -> None:
    port = free_port()
    sign = home / "go on"
    job = Queue("default", connection=client, serializer=JSONSerializer).enqueue(engine.wait_for, str(sign))
    with working(server, home, "default", "--allow", engine.MODULE, "--health-port", str(port), *mode):
        wait_until(lambda: client.hget(f"rq:job:{job.id}", "status") == b"started", description="the job runs")
        assert ask(port, "/live")[0] == 200
        sign.touch()


@contextmanager
def served(health: Health) -> Iterator[int]:
    health.serve()
    with closing(health):
        yield health.port


def test_a_loop_that_does_not_turn_is_not_live() -> None:
    health = Health("0")
    first, second = health.pulse(1), health.pulse(2)
    with served(health) as port:
        assert ask(port, "/live") == (200, "live\n")
        assert ask(port, "/ready") == (503, "no worker yet\n")
        first.begin(lambda: True)
        second.begin(lambda: True)
        assert ask(port, "/ready")[0] == 503
        first.turn(1.0)
        assert ask(port, "/ready") == (200, "ready: 1 of 2\n")
        second.turn(-100.0)
        code, text = ask(port, "/live")
        assert (code, text.startswith("worker 2 has not turned for ")) == (503, True)
        first.end()
        second.end()
        assert ask(port, "/ready")[0] == 503


def test_who_sends_nothing_holds_nobody_up() -> None:
    with served(Health("0")) as port, socket.create_connection(("127.0.0.1", port)):
        assert ask(port, "/live")[0] == 200


@pytest.mark.parametrize("address", ["", "x", "host:", "1:2:3", "99999", "host:70000"])
def test_what_is_no_address_is_said(address: str) -> None:
    with pytest.raises(InvalidInput, match="give a PORT, or HOST:PORT"):
        Health(address)


def test_a_port_that_is_taken_is_exit_2(server: Server, home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run(home, "--url", server.url, "--burst", "--health-port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "in use" in done.stderr
