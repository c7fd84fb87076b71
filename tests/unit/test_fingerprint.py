"""Which failures are the same: tracebacks of many libraries, raised here."""

from __future__ import annotations

import json
import sqlite3
import traceback
import zlib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import httpx2
import jinja2
import pydantic
import pytest
import redis
import sqlalchemy
from hypothesis import given
from hypothesis import strategies as st

from qtui.broker.search import fingerprint
from qtui.broker.search.fingerprint import UNKNOWN, cause, fold
from tests.support import ONCE

Raise = Callable[[int], object]
DATABASE = sqlalchemy.create_engine("sqlite://")
TEMPLATES = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=True)


class Order(pydantic.BaseModel):
    """What a shop sells."""

    price: Decimal


def chained(number: int) -> None:
    try:
        _ = {}[number]
    except KeyError as error:
        raise ConnectionError(f"10.0.4.{number}:5432 refused, order {number}") from error


def grouped(number: int) -> None:
    raise ExceptionGroup(f"{number} failed", [ValueError(f"no {number}"), OSError(number, "x")])


def noted(number: int) -> None:
    error = RuntimeError(f"lost 0x{number:08x}")
    error.add_note(f"attempt {number}")
    raise error


CAUSES: dict[str, Raise] = {
    "key": lambda n: {}[f"customer-{n}"],
    "index": lambda n: [][n],
    "number": lambda n: int(f"x{n}"),
    "file": lambda n: Path(f"/var/lib/shop/{n}/orders.csv").read_text(),
    "json": lambda n: json.loads("{" + " " * n + "x"),
    "zlib": lambda n: zlib.decompress(b"x" * (n + 2)),
    "sqlite": lambda n: sqlite3.connect(":memory:").execute(f"select * from t{n}"),
    "sqlalchemy": lambda n: DATABASE.connect().execute(sqlalchemy.text(f"select {n} from nowhere")),
    "pydantic": lambda n: Order.model_validate({"price": f"x{n}"}),
    "jinja": lambda n: TEMPLATES.from_string("{{ name }}").render(n=n),
    "http": lambda n: httpx2.get(f"nowhere://10.0.0.{n}/orders/{n}"),
    "redis": lambda n: redis.Redis(unix_socket_path=f"/nowhere/{n}.sock", retry=ONCE).ping(),
    "chained": chained,
    "grouped": grouped,
    "noted": noted,
    "attribute": lambda n: object().__getattribute__(f"a_{n}"),
    "type": lambda n: len(n),  # type: ignore[arg-type]  # it is meant to fail
    "stop": lambda n: next(iter(())),
    "zero": lambda n: n / 0,
    "unicode": lambda n: b"\xff".decode(),
}


def told(name: str, number: int) -> str:
    """The traceback of a cause."""
    try:
        CAUSES[name](number)
    except Exception:  # noqa: BLE001 - of every kind
        return traceback.format_exc()
    raise AssertionError(f"{name} does not fail")


@pytest.mark.parametrize("name", CAUSES)
def test_the_same_cause_is_the_same_whatever_the_numbers_and_ids(name: str) -> None:
    found = {cause(told(name, number)).fingerprint for number in (3, 4, 15, 177)}
    assert len(found) == 1, [cause(told(name, number)) for number in (3, 177)]


def test_different_causes_are_different() -> None:
    found = {name: cause(told(name, 3)).fingerprint for name in CAUSES}
    assert len(set(found.values())) == len(CAUSES)


@pytest.mark.parametrize("name", CAUSES)
def test_where_is_in_the_user_s_own_code(name: str) -> None:
    assert cause(told(name, 3)).where.startswith("unit/test_fingerprint.py:")


def test_lines_that_move_change_nothing_and_other_lines_do() -> None:
    text = (
        'Traceback (most recent call last):\n  File "/srv/shop/charge.py", line 41, in charge\n    pay(order)\nValueError: no\n'
    )
    assert cause(text).fingerprint == cause(text.replace("41", "57").replace("/srv", "/opt/v2")).fingerprint
    assert cause(text).fingerprint != cause(text.replace("pay(order)", "refund(order)")).fingerprint
    assert cause(text).where == "shop/charge.py:41 charge"


def test_of_chained_exceptions_the_last_one_counts() -> None:
    found = cause(told("chained", 3))
    assert (found.exception, found.message) == ("ConnectionError", "<ip> refused, order <n>")


def test_what_is_no_traceback_has_a_cause_too() -> None:
    assert cause(None) is UNKNOWN
    assert cause("") is UNKNOWN
    horse = cause("Work-horse terminated unexpectedly; waitpid returned 9 (signal 9); ")
    assert horse.fingerprint == cause("Work-horse terminated unexpectedly; waitpid returned 11 (signal 11); ").fingerprint
    assert horse.where == ""


@pytest.mark.parametrize(
    ("message", "folded"),
    [
        ("gateway did not answer in 30.5 s", "gateway did not answer in <n> s"),
        ("10.0.4.7:5432 refused", "<ip> refused"),
        ("no user 550e8400-e29b-41d4-a716-446655440000", "no user <id>"),
        ("<Order object at 0x7f9a1c2d3e4f> is gone", "<Order object at <address>> is gone"),
        ("at 2026-01-31T17:00:00.123Z: late", "at <time>: late"),
        ("ada@example.org bounced", "<email> bounced"),
        ("GET https://api.example.org/v1/orders/77?x=1 gave 503", "GET <url> gave <n>"),
        ("'EUR' is unknown, \"x y\" too", "<text> is unknown, <text> too"),
        ("can't open it, don't ask", "can't open it, don't ask"),
        ("/var/lib/shop/77/a.csv is missing", "<path> is missing"),
        ("cus_9f8a7b6c5d not found in order-77", "<id> not found in order-<n>"),
    ],
)
def test_what_differs_each_time_is_folded(message: str, folded: str) -> None:
    assert fold(message) == folded


@given(st.text(max_size=300))
def test_any_text_has_a_cause(text: str) -> None:
    found = cause(text)
    assert found == cause(text)
    assert len(found.message) <= 1_000


HEAD = 'Traceback (most recent call last):\n  File "/srv/a.py", line 3, in f\n    g()\n'
REMOTE = f'multiprocessing.pool.RemoteTraceback: \n"""\n{HEAD}KeyError: 3\n"""'
ODD = {
    "cut": HEAD.removesuffix(")\n"),
    "blank lines": HEAD.replace("\n", "\n\n \t\n") + "ValueError: no\n\n",
    "message on the next line": HEAD + "ValueError: \n\n  no\n",
    "frames in the message": HEAD + 'Oops: see\n  File "/b.py", line 1, in h\n',
    "remote": f"{HEAD}{REMOTE}\n",
    "syntax": HEAD + '  File "<string>", line 1\n    (\n    ^\nSyntaxError: no\n',
    "long": f"{HEAD}ValueError: {'x' * 700}\n",
    "said": "Traceback (most recent call last):\nThe above exception was no such thing\n",
    "chained in the message": f"{HEAD}ValueError: no\nThe above exception was the direct cause of the following exception:\n",
}


@pytest.mark.parametrize("text", [*(told(name, 3) for name in CAUSES), *ODD.values(), ""])
def test_the_short_way_through_a_usual_traceback_finds_what_the_long_way_does(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    short = cause(text)
    monkeypatch.setattr(fingerprint, "_simple", lambda _text: None)
    assert cause(text) == short


@given(st.text(st.sampled_from("0123456789 abxXé'\"/.:-+_e@T[]<>"), max_size=60))
def test_digits_that_are_made_alike_change_nothing(message: str) -> None:
    assert fold(message) == fingerprint._folded(message)  # noqa: SLF001 - the same without that step
