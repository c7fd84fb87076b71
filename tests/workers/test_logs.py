"""Log lines of both formats: complete, bounded, and without secrets."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qtui_workers.reporting.redaction import patterns, redacted
from qtui_workers.reporting.source import Source, work_for
from qtui_workers.reporting.worker_logs import JsonFormatter, SafeFormatter
from tests.workers.support import environment

ERROR = 40
SCALARS = st.none() | st.floats() | st.text() | st.binary()


def record(message: str, *args: Any, extra: dict[str, Any] | None = None, exc_info: Any = None) -> logging.LogRecord:
    return logging.getLogger("my.jobs").makeRecord("my.jobs", ERROR, "f.py", 1, message, args, exc_info, extra=extra)


def as_json(message: str, *args: Any, **more: Any) -> dict[str, Any]:
    line = JsonFormatter().format(record(message, *args, **more))
    assert line.isascii()
    assert line.isprintable()
    found = json.loads(line)
    assert isinstance(found, dict)
    return found


def test_a_line_is_one_object_with_time_level_logger_and_message() -> None:
    made = record("%d done", 3)
    made.created = 1_700_000_000.5
    assert json.loads(JsonFormatter().format(made)) == {
        "time": "2023-11-14T22:13:20.500Z",
        "level": "error",
        "logger": "my.jobs",
        "message": "3 done",
    }


def test_a_line_names_the_job_that_the_process_works_for() -> None:
    try:
        work_for(Source(job="ab12", queue="mail", function="send", worker="w1", attempt=2))
        assert as_json("x") | {"time": ""} == {
            "time": "",
            "level": "error",
            "logger": "my.jobs",
            "message": "x",
            "job": "ab12",
            "queue": "mail",
            "function": "send",
            "worker": "w1",
            "attempt": 2,
        }
    finally:
        work_for(Source())
    assert "job" not in as_json("x")


def test_fields_given_with_the_record_are_kept_as_data() -> None:
    told = as_json("x", extra={"duration": 1.5, "job": "ab", "sizes": [1, 2], "ok": True, "none": None, "odd": {1}})
    assert {name: told[name] for name in ("duration", "job", "sizes", "ok", "none", "odd")} == {
        "duration": 1.5,
        "job": "ab",
        "sizes": [1, 2],
        "ok": True,
        "none": None,
        "odd": [1],
    }


def test_a_field_cannot_pass_for_one_of_ours() -> None:
    assert as_json("x", extra={"level": "debug", "logger": "other"})["level"] == "error"


def test_a_number_that_json_lacks_is_null() -> None:
    assert as_json("x", extra={"duration": float("nan")})["duration"] is None


def test_an_exception_is_a_field_of_its_own_on_the_same_line() -> None:
    try:
        raise ValueError("bad token=abc123")
    except ValueError:
        told = as_json("it failed", exc_info=sys.exc_info())
    assert told["message"] == "it failed"
    assert told["exception"].splitlines()[-1] == "ValueError: bad token=***"


def test_control_characters_are_symbols_and_a_line_stays_a_line() -> None:
    told = as_json("a\x1b[31mred\x00\x9b\u202e\nnext", extra={"note": "\x1b]0;x\x07"})
    assert told["message"] == "a␛[31mred␀\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}\nnext"
    assert told["note"] == "␛]0;x␇"
    text = SafeFormatter("%(message)s").format(record("a\x1b[31m\nERROR b"))
    assert text == "a␛[31m\n    ERROR b"


def test_lengths_are_bounded() -> None:
    many = {f"field_{n}": "y" * 100_000 for n in range(100)}
    line = JsonFormatter().format(record("x" * 1_000_000, extra=many))
    assert len(line) < 100_000
    assert len(SafeFormatter("%(message)s").format(record("x" * 1_000_000))) < 30_000


SECRETS = [
    "redis://user:hunter2@host:6379/0",
    "redis://:hunter2@host",
    "redis://:hun@ter2@host, tried again",
    "postgresql+psycopg://u:hunter2@db/x?sslmode=require",
    "https://hunter2@git.example.org/x",
    "password=hunter2",
    "PASSWORD: hunter2",
    "REDIS_PASSWORD=hunter2 qtui-worker",
    "{'password': 'hunter2', 'user': 'me'}",
    "{'password': b'hunter2'}",
    '{"client_secret": "hunter2"}',
    r"{\"api_key\": \"hunter2\"}",
    r"password='it\'s hunter2'",
    "send(to='me', api_key='hunter2')",
    "('token', 'hunter2')",
    "https://host/x?access_token=hunter2&page=2",
    "Authorization: Bearer hunter2",
    "authorization: AWS4 Credential=a, Signature=hunter2",
    "{'Authorization': 'Basic hunter2'}",
    "Set-Cookie: session=hunter2; Path=/; other=hunter2",
    "with Bearer hunter2hunter2 in the header",
    "ran tool --api-key hunter2 --verbose",
    "X-Api-Key: hunter2",
    "passphrase => hunter2",
    "token = \nhunter2",
]


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_is_in_no_line_of_either_format(text: str) -> None:
    extra = {"note": text, "headers": {"x": [text]}}
    assert "hunter2" not in JsonFormatter().format(record(text, extra=extra))
    assert "hunter2" not in SafeFormatter("%(message)s").format(record("%s", text))


@pytest.mark.parametrize("name", ["password", "client_secret", "API-Key", "apikey", "Authorization", "token", "db_passwd"])
def test_a_field_that_is_secret_by_its_name_is_hidden(name: str) -> None:
    told = as_json("x", extra={name: "hunter2", "payload": {name: "hunter2", "to": "me"}})
    assert told[name] == "***"
    assert told["payload"] == {name: "***", "to": "me"}


@pytest.mark.parametrize(
    "text",
    [
        "job ab12 of main-queue: done in 1.20 s",
        "GET http://host:8080/path?page=2 200",
        "Redis at localhost:6379/0 does not run",
        "2 tokens left, next in 3 s",
        "mail to me@example.org sent",
        "report(steps=3, seconds=1.5)",
        "ssh://git@host/repository",
        "the secret of a good queue",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert redacted(text) == text


@given(st.text("aksſ\u212ayåK=:/ "), st.sampled_from(["passphraſe=x", "API\u212aEY: x", "ToKeN x=1", "PWD='x'", "x://a:b@c"]))
def test_no_letter_that_passes_for_another_hides_a_secret(around: str, secret: str) -> None:
    text = f"{around} {secret} "
    for pattern, replacement in patterns():
        text = pattern.sub(replacement, text)
    assert redacted(f"{around} {secret} ") == text


@pytest.mark.parametrize("part", ["://a:", "password", "token=", "--", "a", '"', "\\", "https://", "authorization ", "pwd' "])
def test_hiding_takes_time_in_proportion_to_the_length(part: str) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from qtui_workers.reporting.redaction import redacted; redacted({part!r} * (200_000 // {len(part)}))",
        ],
        timeout=20,
        check=False,
    )
    assert done.returncode == 0


@given(st.text(), st.dictionaries(st.text(), st.recursive(SCALARS, st.lists, max_leaves=20)))
def test_whatever_is_logged_is_one_object_on_one_line(message: str, extra: dict[str, Any]) -> None:
    made = record("%s", message)
    vars(made).update({f"x{name}": value for name, value in extra.items()})
    line = JsonFormatter().format(made)
    assert line.isascii()
    assert "\n" not in line
    assert isinstance(json.loads(line), dict)


CODE = """
import logging
from qtui_workers.reporting.worker_logs import LogFormat, log_to_stderr
log_to_stderr({arguments})
logging.getLogger("rq.worker").info("*** listening")
logging.getLogger("my.jobs").debug("not this")
"""


def said(home: Path, arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(arguments=arguments)],
        env=environment(home),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    return done.stderr


def test_text_is_the_default(home: Path) -> None:
    assert said(home, "")[8:] == " INFO    *** listening\n"
    assert said(home, "LogFormat.TEXT")[8:] == " INFO    *** listening\n"


def test_json_goes_to_standard_error_line_by_line(home: Path) -> None:
    [line] = said(home, "LogFormat.JSON").splitlines()
    told = json.loads(line)
    assert (told["level"], told["logger"], told["message"]) == ("info", "rq.worker", "*** listening")


LATE = """
import logging
from rq.timeouts import JobTimeoutException
from qtui_workers.reporting.worker_logs import LogFormat, log_to_stderr

class Late:
    def __str__(self):
        raise JobTimeoutException

log_to_stderr(LogFormat.JSON)
try:
    logging.getLogger("my.jobs").error("%s", Late())
except JobTimeoutException:
    print("it was raised")
"""


def test_a_timeout_in_the_middle_of_writing_reaches_the_job(home: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LATE], env=environment(home), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "it was raised\n", "")
