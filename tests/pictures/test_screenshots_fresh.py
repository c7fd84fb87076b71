"""The pictures of the README are those of the screens as they are now."""

from __future__ import annotations

import re

import pytest
import redis

from screenshots.make import HERE, SHOWN, make

pytestmark = pytest.mark.xdist_group("pictures")  # one process, one gallery


@pytest.fixture(scope="module")
def made(gallery_client: redis.Redis) -> dict[str, str]:
    return make(gallery_client)


@pytest.mark.parametrize("name", SHOWN)
def test_a_committed_screenshot_is_what_the_screen_looks_like_now(made: dict[str, str], name: str) -> None:
    committed = (HERE / f"{name}.svg").read_text(encoding="utf-8")
    assert committed == made[f"{name}.svg"], "make the pictures anew: make screenshots"


def test_every_committed_screenshot_is_made_by_the_command() -> None:
    assert {path.stem for path in HERE.glob("*.svg")} == set(SHOWN)


@pytest.mark.parametrize("name", SHOWN)
def test_a_screenshot_names_no_folder_of_the_machine_it_was_made_on(made: dict[str, str], name: str) -> None:
    text = re.sub(r"&#160;", " ", made[f"{name}.svg"])
    assert not re.search(r"/(home|root|tmp|work|Users)/", text)
