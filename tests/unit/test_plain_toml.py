"""TOML that is read without `tomllib`, and what is left to it."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qtui_workers.server import plain_toml

PLAIN = """
# connections
context = "prod"
read_only = false
refresh = 2

[contexts.prod]
url = "redis://user:p%40ss@10.0.0.1:6379/0"
confirm = "name"
read_only = true

[contexts.prod-eu]
url = "unix:///run/redis.sock?db=1"
"""
PIECES = [
    *("a", "b_1", "-", ".", "=", " = ", '"', "'", "\\", "#", "[", "]", "[a]", "[a.b]", "[b]", "[[a]]", "{", "}", ",", "\t", "\r"),
    *("true", "false", "0", "7", "07", "1_0", "-1", "1.5", "1979-05-27", '"x"', '"é"', '"x" # y', "a = 1", 'b = "x"', "a.b = 2"),
    *("\n", "\n", " ", "\x00", "\u2028", '"""', "inf", "0x1", "é"),
]


def test_a_usual_config_file_is_plain() -> None:
    found = plain_toml.read(PLAIN)
    assert found == tomllib.loads(PLAIN)
    assert found["contexts"]["prod"]["read_only"] is True


@pytest.mark.parametrize("text", ['a = ["x"]', "a = 1.5", "a = 'x'", 'a = "\\n"', "a.b = 1", "[[a]]", 'a = "x" # y', "a = {}"])
def test_what_is_not_plain_is_left_to_tomllib(text: str) -> None:
    assert plain_toml.read(text) is None
    tomllib.loads(text)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_what_is_read_is_what_tomllib_reads_and_what_is_wrong_is_left_to_it(text: str) -> None:
    found = plain_toml.read(text)
    if found is not None:
        assert found == tomllib.loads(text)
        assert [*map(type, found.values())] == [*map(type, tomllib.loads(text).values())]
