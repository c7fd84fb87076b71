"""The settings that are read from the environment, a class per topic, and what a bad value stops."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from itertools import pairwise
from pathlib import Path

import pytest

from qtui_workers.cli import WorkerSettings
from qtui_workers.define.discovery import ProcessorSettings
from qtui_workers.define.options import RetrySettings
from qtui_workers.errors import InvalidInput
from qtui_workers.server.settings import EmbeddedSettings, RedisSettings
from qtui_workers.services.settings import TOPICS, MailSettings
from qtui_workers.settings import Settings
from tests.everything import all_settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"
ALL = all_settings()


def test_every_topic_is_here():
    assert set(ALL) == {RedisSettings, EmbeddedSettings, WorkerSettings, RetrySettings, ProcessorSettings, *TOPICS}


def test_nothing_set_is_valid():
    assert RedisSettings.read().redis_url is None
    assert WorkerSettings.read().job_concurrency == 1
    assert ProcessorSettings.read().qtui_processors == ()


def test_values_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REDIS_PORT", "6380")
    monkeypatch.setenv("JOB_MAX_RETRIES", "0")
    monkeypatch.setenv("QTUI_PROCESSORS", "my_app.jobs, my_app.reports,")
    assert RedisSettings.read().redis_port == 6380
    assert RetrySettings.read().job_max_retries == 0
    assert ProcessorSettings.read().qtui_processors == ("my_app.jobs", "my_app.reports")


@pytest.mark.parametrize("topic", ALL)
def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch, topic: type[Settings]):
    for name in topic.names():
        monkeypatch.setenv(name.upper(), "")
    assert topic.read() == topic()


@pytest.mark.parametrize(
    ("topic", "name", "value", "reason"),
    [
        (RedisSettings, "REDIS_PORT", "abc", "must be a valid integer"),
        (RedisSettings, "REDIS_PORT", "0", "must be at least 1"),
        (RedisSettings, "REDIS_DB", "-1", "must be at least 0"),
        (RedisSettings, "REDIS_HOST", "a b", "must match pattern"),
        (WorkerSettings, "JOB_CONCURRENCY", "0", "must be at least 1"),
        (RetrySettings, "JOB_MAX_RETRIES", "-1", "must be at least 0"),
        (EmbeddedSettings, "QTUI_EMBEDDED_GRACE", "nan", "must be at most 86400"),
        (MailSettings, "SMTP_TLS", "ssl", "must be 'starttls', 'tls' or 'none'"),
    ],
)
def test_a_bad_value_is_named_with_its_variable_and_the_reason_and_stops_no_other_topic(
    monkeypatch: pytest.MonkeyPatch, topic: type[Settings], name: str, value: str, reason: str
):
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput, match=f"^{name}: {reason}") as refusal:
        topic.read()
    assert refusal.value.exit_code == 2
    assert refusal.value.fields.keys() == {name.lower()}
    assert all(other.read() for other in ALL if other is not topic)


def test_a_password_is_not_in_what_is_printed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REDIS_PASSWORD", "hunter2")
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@host")
    assert "hunter2" not in repr(RedisSettings.read())
    monkeypatch.setenv("REDIS_PORT", "hunter2")
    with pytest.raises(InvalidInput) as refusal:
        RedisSettings.read()
    assert "hunter2" not in str(refusal.value)


def test_a_dotenv_file_is_not_read_by_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / ".env").write_text("REDIS_PORT=1234\n")
    monkeypatch.chdir(tmp_path)
    assert RedisSettings.read().redis_port is None


def test_the_example_names_every_variable_with_a_comment_above_the_group():
    lines = EXAMPLE.read_text().splitlines()
    named = [match[1].lower() for line in lines if (match := re.match(r"([A-Z_]+)=$", line))]
    fields = [list(topic.names()) for topic in ALL]
    assert sorted(named) == sorted(name for topic in fields for name in topic)
    for topic in fields:  # those of one topic stand together, in their order
        assert named[named.index(topic[0]) :][: len(topic)] == topic
    assert all(line.startswith("#") or line.endswith("=") or not line for line in lines)


def test_every_field_says_what_it_is():
    for topic in ALL:
        body = ast.parse(textwrap.dedent(inspect.getsource(topic))).body[0].body
        named = [following for each, following in pairwise(body) if isinstance(each, ast.AnnAssign)]
        assert len(named) == len(topic.names())
        assert all(isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant) for each in named)
