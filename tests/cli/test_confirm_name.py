"""Where a context has `confirm = "name"`, its name is typed before a command changes something; on a terminal of its own."""

from __future__ import annotations

import pytest
import redis
from rq import Queue, Worker

from qtui.broker.diagnosis import acknowledged
from qtui_workers.define.limit import Limit
from qtui_workers.rate.limiter import Limits
from qtui_workers.server import keys
from tests.broker import seed
from tests.cli.support import Qtui, keyspace
from tests.cli.terminals import Terminal, on_terminal
from tests.support import Server, wait_until

ASKED = "Type prod to go on: "
RETRY = ("retry", "--all", "--queue", "mail", "--context", "prod")


@pytest.fixture
def prod(qtui: Qtui, server: Server, client: redis.Redis) -> Qtui:
    """The command, with a careful context of the config file; three jobs have failed there."""
    config = qtui.home / ".config/qtui/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'[contexts.prod]\nurl = "{server.url}"\nconfirm = "name"\n')
    seed.failed(client, "mail", 3)
    return Qtui(qtui.home, {})


def failed(client: redis.Redis) -> int:
    return int(client.zcard(keys.registry("failed", "mail")))


def answered(prod: Qtui, typed: str, *words: str) -> tuple[int, str]:
    """The exit code, and what the command said after what was typed."""
    with on_terminal(prod, *words) as (process, terminal):
        terminal.wait_for(ASKED)
        terminal.type(typed)
        code = process.wait(20)
        said: list[str] = []
        wait_until(lambda: _rests(terminal, said), description="all that was written is read")
        return code, terminal.seen.partition(ASKED)[2]


def _rests(terminal: Terminal, said: list[str]) -> bool:
    said.append(terminal.read())
    return len(said) > 1 and said[-1] == said[-2]


@pytest.mark.parametrize("typed", ["prod\r", "  prod \r"])
def test_the_right_name_goes_on(prod: Qtui, client: redis.Redis, typed: str) -> None:
    code, said = answered(prod, typed, *RETRY)
    assert code == 0
    assert "3 retried" in said
    assert failed(client) == 0


@pytest.mark.parametrize("typed", ["y\r", "yes\r", "3\r", "Prod\r", "pro\r", "prod2\r", "\r", "\x04", "pro\x04\x04"])
def test_nothing_else_does_nor_the_end_of_the_input(prod: Qtui, client: redis.Redis, typed: str) -> None:
    code, said = answered(prod, typed, *RETRY)
    assert code == 5
    assert "qtui: nothing was done" in said
    assert failed(client) == 3


@pytest.mark.parametrize("typed", ["\x03", "prod\x03"])
def test_ctrl_c_is_130_and_changes_nothing(prod: Qtui, client: redis.Redis, typed: str) -> None:
    code, said = answered(prod, typed, *RETRY)
    assert code == 130
    assert "Traceback" not in said
    assert failed(client) == 3


def test_a_single_named_job_wants_the_name_too(prod: Qtui, client: redis.Redis) -> None:
    (job_id, *_) = client.zrange(keys.registry("failed", "mail"), 0, -1)
    code, _ = answered(prod, "y\r", "remove", job_id.decode(), "--context", "prod")
    assert (code, failed(client)) == (5, 3)
    code, _ = answered(prod, "prod\r", "remove", job_id.decode(), "--context", "prod")
    assert (code, failed(client)) == (0, 2)


def test_yes_is_not_asked_and_without_a_terminal_it_is_needed(prod: Qtui, client: redis.Redis) -> None:
    assert "say --yes" in prod.fails(5, *RETRY)
    assert failed(client) == 3
    with on_terminal(prod, *RETRY, "--yes") as (process, terminal):
        terminal.wait_for("3 retried")
        assert process.wait(20) == 0
        assert ASKED not in terminal.seen
    assert failed(client) == 0


def test_beside_an_address_the_context_still_wants_its_name(prod: Qtui, server: Server, client: redis.Redis) -> None:
    with on_terminal(prod, *RETRY, "--url", server.url) as (process, terminal):
        terminal.wait_for(" to go on: ")
        terminal.type("y\r")
        assert process.wait(20) == 5
    assert failed(client) == 3


def test_orphans_are_put_back_only_by_the_name(prod: Qtui, client: redis.Redis) -> None:
    job_id = Queue("mail", connection=client).enqueue("shop.charge").id
    client.lrem(keys.queue("mail"), 0, job_id)
    words = ("orphans", "--put-back", "--context", "prod")
    assert answered(prod, "y\r", *words)[0] == 5
    assert client.llen(keys.queue("mail")) == 0
    assert answered(prod, "prod\r", *words)[0] == 0
    assert client.llen(keys.queue("mail")) == 1


WRITES = {
    "suspend": (("suspend", "--for", "20s"), "Suspend all workers (none is alive) on prod? Nothing waits."),
    "resume workers": (("resume", "--workers"), "Resume all workers (none is alive) on prod? Nothing waits."),
    "pause": (("pause", "mail"), "Pause mail on prod? Nothing waits."),
    "pause all": (("pause", "--all"), "Pause mail on prod? Nothing waits."),
    "resume": (("resume", "mail"), "Resume mail on prod? 1 job waits."),
    "hold": (
        ("hold", "shop.charge"),
        "Hold shop.charge on prod? 0 queued jobs and every new one wait until it is released.",
    ),
    "release": (("release", "shop.charge"), "Release shop.charge on prod? 1 held job would go back to the head of its queue."),
    "release all": (("release", "--all"), "Release shop.charge on prod? 1 held job would go back to the head of its queue."),
    "undo": (("undo",), "Put 1 job back on prod?"),
    "known cause": (("failures", "ack", "473fb45a6b73"), "Acknowledge the cause 473fb45a6b73 on prod?"),
    "limit": (("limits", "--reopen", "api"), "Open the limit api on prod? Nothing waits."),
    "worker": (
        ("worker", "web-1", "shutdown"),
        "Shut down worker web-1 on prod? It runs no job; nothing waits in its queues; nobody else listens to mail.",
    ),
}
BEFORE = {"release": ("hold", "shop.charge"), "release all": ("hold", "shop.charge"), "resume": ("pause", "mail")}


@pytest.fixture
def changed(request: pytest.FixtureRequest, prod: Qtui, client: redis.Redis) -> str:
    """The name of a change in `WRITES`, for which there is something to be changed."""
    name = str(request.param)
    if name == "undo":
        (job_id, *_) = client.zrange(keys.registry("failed", "mail"), 0, -1)
        prod("remove", job_id.decode(), "--context", "prod", "--yes")
    elif name == "known cause":
        acknowledged.acknowledge(client, "473fb45a6b73", "", 0)
    elif name == "limit":
        Limits(client).close(Limit(5, 60, "api"), 3_600, "it asked")
    elif name == "worker":
        Worker(["mail"], name="web-1", connection=client).register_birth()
    elif words := BEFORE.get(name):
        Queue("mail", connection=client).enqueue("shop.charge")
        prod(*words, "--context", "prod", "--yes")
    return name


@pytest.mark.parametrize("changed", WRITES, indirect=True)
def test_every_change_wants_the_name(prod: Qtui, client: redis.Redis, changed: str) -> None:
    words, question = WRITES[changed]
    words = (*words, "--context", "prod")
    before = keyspace(client)
    said = prod.fails(5, *words)
    assert question in said
    assert "say --yes" in said
    assert answered(prod, "y\r", *words)[0] == 5
    assert keyspace(client) == before
    listens = changed != "worker"  # to commands: this worker is only registered
    assert answered(prod, "prod\r", *words)[0] == (0 if listens else 1)


SAYS = {
    ("suspend", "--for", "20s"): "Suspend 1 worker on {}. 3 jobs wait.\n",
    ("resume", "--workers"): "Resume 1 worker on {}. 3 jobs wait.\n",
    ("pause", "--all"): "Pause 2 queues (mail, media) on {}. 3 jobs wait.\n",
    ("resume", "mail"): "Resume mail on {}. 2 jobs wait.\n",
    ("hold", "shop.charge"): "Hold shop.charge on {}. 3 queued jobs and every new one wait until it is released.\n",
    ("release", "shop.charge"): "Release shop.charge on {}. 3 held jobs would go back to the head of their queues.\n",
    ("limits", "--reopen", "api"): "Open the limit api on {}. Nothing waits.\n",
    ("worker", "web-1", "shutdown"): (
        "Shut down worker web-1 on {}. It runs no job; 2 jobs wait in its queues; nobody else listens to mail.\n"
    ),
}


def test_where_nothing_is_asked_it_is_said_first_how_many_it_is_about(qtui: Qtui, server: Server, client: redis.Redis) -> None:
    for queue in ("mail", "mail", "media"):
        Queue(queue, connection=client).enqueue("shop.charge")
    Worker(["mail"], name="web-1", connection=client).register_birth()
    Limits(client).close(Limit(5, 60, "api"), 3_600, "it asked")
    for words, said in SAYS.items():
        answer = qtui(*words, code=1 if words[0] == "worker" else 0)
        assert answer.err.startswith(said.format(server.socket)), words
    assert qtui("pause", "mail", "--yes").err == ""


def test_yes_and_looks_are_not_asked(prod: Qtui, client: redis.Redis) -> None:
    prod("hold", "shop.charge", "--dry-run", "--context", "prod")
    assert prod("suspend", "--yes", "--json", "--context", "prod").json["suspended"]
    assert prod("resume", "--workers", "-y", "--json", "--context", "prod").json["suspended"] is False
    prod("hold", "--context", "prod")
    prod("limits", "--context", "prod")
    prod("undo", "--list", "--context", "prod")
