"""What the environment says, and how a bad value of it is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qtui_workers.errors import InvalidInput
from qtui_workers.settings import Settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"


def test_nothing_set_is_valid():
    settings = Settings.read()
    assert settings.redis_url is None
    assert settings.job_concurrency == 1
    assert settings.qtui_processors == ()


def test_values_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REDIS_PORT", "6380")
    monkeypatch.setenv("JOB_MAX_RETRIES", "0")
    monkeypatch.setenv("QTUI_PROCESSORS", "my_app.jobs, my_app.reports,")
    settings = Settings.read()
    assert settings.redis_port == 6380
    assert settings.job_max_retries == 0
    assert settings.qtui_processors == ("my_app.jobs", "my_app.reports")


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch):
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), "")
    assert Settings.read() == Settings()
    assert Settings.read().redis_port is None


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("REDIS_PORT", "abc", "must be a valid integer"),
        ("REDIS_PORT", "0", "must be at least 1"),
        ("REDIS_DB", "-1", "must be at least 0"),
        ("REDIS_HOST", "a b", "must match pattern"),
        ("JOB_CONCURRENCY", "0", "must be at least 1"),
        ("JOB_MAX_RETRIES", "-1", "must be at least 0"),
        ("QTUI_PROCESSORS", "my_app.jobs,../evil", "'../evil' is not the name of a module"),
        ("QTUI_EMBEDDED_GRACE", "nan", "must be at most 86400"),
        ("SMTP_TLS", "ssl", "must be 'starttls', 'tls' or 'none'"),
    ],
)
def test_a_bad_value_is_told_with_its_variable_and_the_reason(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
):
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput, match=f"^{name}: {reason}") as told:
        Settings.read()
    assert told.value.exit_code == 2


def test_a_password_is_not_in_what_is_printed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REDIS_PASSWORD", "hunter2")
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@host")
    assert "hunter2" not in repr(Settings.read())
    monkeypatch.setenv("REDIS_PORT", "hunter2")
    with pytest.raises(InvalidInput) as told:
        Settings.read()
    assert "hunter2" not in str(told.value)


def test_a_dotenv_file_is_not_read_by_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / ".env").write_text("REDIS_PORT=1234\n")
    monkeypatch.chdir(tmp_path)
    assert Settings.read().redis_port is None


def test_the_example_names_every_variable_with_a_comment_above_the_group():
    lines = EXAMPLE.read_text().splitlines()
    named = [match[1].lower() for line in lines if (match := re.match(r"([A-Z_]+)=$", line))]
    assert named == list(Settings.model_fields)
    assert all(line.startswith("#") or line.endswith("=") or not line for line in lines)


def test_every_field_says_what_it_is():
    assert all(field.description for field in Settings.model_fields.values())
