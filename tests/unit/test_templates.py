"""Addresses and commands about a job: what is filled in, how it is quoted, and what is refused."""

from __future__ import annotations

import pytest

from qtui.broker.models import JobRow
from qtui.broker.status import Status
from qtui.preferences import templates
from qtui.preferences.settings import Preferences
from qtui_workers import records
from qtui_workers.errors import InvalidInput, Refused

ROW = JobRow(id="7f3a-91c2", queue="mail", status=Status.FAILED, function="shop.mail.send")
HOSTILE = ("-rf", "a b", "$(reboot)", "a;b", "a\nb", "`id`", "../../etc/passwd", "ü", "a'b", "*")


def test_an_address_gets_everything_quoted():
    row = records.replace(ROW, id="a/b?c=d&e f#é", queue="x\udcffy")
    found = templates.addresses(
        {"sentry": "https://sentry.example/{status}?q={id}", "queue": "http://q.example:8080/{queue}"}, row
    )
    assert found == {
        "sentry": "https://sentry.example/failed?q=a%2Fb%3Fc%3Dd%26e%20f%23%C3%A9",
        "queue": "http://q.example:8080/x%3Fy",
    }


def test_an_address_for_which_something_is_not_known_is_left_out():
    templates_of = {"one": "https://a.example/{function}", "two": "https://a.example/{id}"}
    assert list(templates.addresses(templates_of, records.replace(ROW, function=None))) == ["two"]


@pytest.mark.parametrize(
    "text",
    [
        "ftp://a.example/{id}",
        "javascript:alert(1)",
        "https://{queue}/x",
        "https://{queue}.example/",
        "https://",
        "a b",
        "https://a.example/{user}",
    ],
)
def test_what_is_no_address_is_refused(text: str):
    with pytest.raises(InvalidInput, match=r"links\.sentry"):
        records.read(Preferences, {"links": {"sentry": text}})


def test_a_command_gets_words():
    assert templates.words(("grep", "--", "id={id}", "{queue}", "{status} {function}", "{print $1}"), ROW) == (
        "grep", "--", "id=7f3a-91c2", "mail", "failed shop.mail.send", "{print $1}",
    )  # fmt: skip
    assert templates.words(("uptime",), None) == ("uptime",)


@pytest.mark.parametrize("name", ["id", "queue", "function"])
@pytest.mark.parametrize("value", HOSTILE)
def test_what_could_be_more_than_a_word_is_not_given_to_a_command(name: str, value: str):
    with pytest.raises(Refused, match=f"the job's {name}"):
        templates.words(("echo", f"a{{{name}}}"), records.replace(ROW, **{name: value}))


def test_a_command_about_a_job_needs_one_of_which_all_is_known():
    with pytest.raises(InvalidInput, match="none is under the cursor"):
        templates.words(("echo", "{id}"), None)
    with pytest.raises(InvalidInput, match="the job's status is not known"):
        templates.words(("echo", "{status}"), records.replace(ROW, status=None))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"run": []}, "must begin with the name of a program"),
        ({"run": ["{id}"]}, "must begin with the name of a program"),
        ({"run": ["echo", "{password}"]}, "there is no {password}"),
        ({"run": "echo {id}"}, "must be a list"),
        ({"run": ["echo"], "key": "x"}, "must match"),
        ({"run": ["echo"], "key": "f13"}, "must match"),
        ({"key": "f5"}, "is required"),
    ],
)
def test_what_is_no_command_is_refused(given: dict[str, object], reason: str):
    with pytest.raises(InvalidInput, match=r"commands\.logs") as error:
        records.read(Preferences, {"commands": {"logs": given}})
    assert reason in str(error.value)


def test_two_commands_cannot_have_one_key():
    with pytest.raises(InvalidInput, match="two have the key f5"):
        records.read(Preferences, {"commands": {name: {"run": ["echo"], "key": "f5"} for name in "ab"}})
