"""What the dashboard remembers: a file that is written in one step, and that never stops anything."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qtui.preferences import memory
from qtui.preferences.memory import CONNECTIONS, FILTERS, LONGEST, ListOrder, Memory, Remembered
from tests.support import wait_until


@pytest.fixture
def file(home: Path) -> Path:
    """Where it is kept."""
    return home / ".local/state/qtui/dashboard.json"


def kept(connection: str = "prod") -> Memory:
    return Memory(connection, kept=True)


def test_what_is_changed_is_there_in_the_next_run(file: Path) -> None:
    first = kept()
    first.change(place="failures", shows_idle=True)
    first.remember_order("jobs", "took", reverse=True)
    first.remember_filter('error:Timeout "größer"')
    first.write()
    assert kept().now == Remembered("failures", {"jobs": ListOrder("took", True)}, True, ('error:Timeout "größer"',))
    assert kept("staging").now == Remembered()
    assert file.stat().st_mode & 0o077 == 0
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_a_change_is_written_soon_by_itself(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SOON", 0.01)
    first = kept()
    for place in ("failures", "limits", "live"):
        first.change(place=place)
    wait_until(lambda: kept().now.place == "live", description="it is written")


def test_two_connections_stand_beside_each_other() -> None:
    one, other = kept("one"), kept("other")
    one.change(place="live")
    other.change(place="jobs")
    one.write()
    other.write()
    assert (kept("one").now.place, kept("other").now.place) == ("live", "jobs")


def test_filters_are_bounded_and_each_is_kept_once() -> None:
    first = kept()
    for number in range(FILTERS + 10):
        first.remember_filter(f"queue:q{number}")
    first.remember_filter("queue:q20")
    first.remember_filter("x" * (LONGEST + 1))
    first.write()
    found = kept().now.filters
    assert len(found) == FILTERS == len(set(found))
    assert found[-2:] == (f"queue:q{FILTERS + 9}", "queue:q20")


def test_only_the_newest_connections_are_kept(file: Path) -> None:
    for number in range(CONNECTIONS + 3):
        each = kept(f"unix:/tmp/{number}")
        each.change(place="jobs")
        each.write()
    found = list(json.loads(file.read_text())["connections"])
    assert len(found) == CONNECTIONS
    assert found[-1] == f"unix:/tmp/{CONNECTIONS + 2}"


def content(prod: Any) -> Callable[[Path], object]:
    return lambda file: file.write_text(json.dumps({"connections": {"prod": prod}}))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.write_bytes(b"\xff\xfe\x00"),
        lambda file: file.write_text(""),
        lambda file: file.write_text('{"connections": {"prod": {"pla'),
        lambda file: file.write_text("[" * 100_000),
        lambda file: file.write_text("[]"),
        lambda file: file.write_text('{"connections": 3}'),
        content("jobs"),
        content({"place": 7}),
        content({"place": "nowhere"}),
        content({"orders": {"jobs": "took"}}),
        content({"filters": "all"}),
        content({"filters": ["a\x1b[2Jb"]}),
        lambda file: file.mkdir(),
        lambda file: os.mkfifo(file),
    ],
)
def test_a_file_that_is_not_understood_is_as_none(file: Path, spoil: Callable[[Path], object]) -> None:
    file.parent.mkdir(parents=True)
    spoil(file)
    first = kept()
    assert first.now == Remembered()
    first.change(place="jobs")
    first.write()
    assert file.is_dir() or kept().now == Remembered("jobs")


def test_what_a_later_version_adds_is_no_trouble(file: Path) -> None:
    file.parent.mkdir(parents=True)
    content({"place": "jobs", "window": {"x": 1}})(file)
    assert kept().now.place == "jobs"


def test_where_nothing_can_be_written_nothing_is_said(file: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.parent.parent.mkdir(parents=True)
    file.parent.write_text("no folder")
    first = kept()
    first.change(place="jobs")
    first.write()
    assert kept().now == Remembered()
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", _homeless)  # as where the user is in no list of users
    first.change(place="live")
    first.write()
    assert kept().now == Remembered()


def _homeless(_user: int) -> None:
    raise KeyError


def test_of_a_throw_away_server_nothing_is_kept(file: Path) -> None:
    first = Memory()
    first.change(place="jobs")
    first.write()
    assert first.now.place == "jobs"
    assert not file.exists()
