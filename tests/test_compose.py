"""The image and the services stand on what the project really has: its files, commands, options and settings."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from qtui_workers.define.discovery import get
from qtui_workers.reporting.worker_logs import LogFormat
from qtui_workers.server.connection import resolve
from tests.everything import all_settings

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SHUTDOWN_TIMEOUT = 30
"""Seconds that `qtui-worker` gives running jobs to end, where nothing else is said."""


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    whole = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    assert set(whole) <= {"name", "services", "volumes"}
    found: dict[str, dict[str, Any]] = whole["services"]
    for service in found.values():
        named = [volume.partition(":")[0] for volume in service.get("volumes", ())]
        assert set(named) <= set(whole["volumes"])
    return found


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, rest), continued lines joined."""
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines)]


def final_stage() -> list[tuple[str, str]]:
    whole = instructions()
    last = max(n for n, (name, _) in enumerate(whole) if name == "FROM")
    return whole[last:]


def seconds(text: str) -> int:
    found = re.fullmatch(r"(\d+)s", text)
    assert found, text
    return int(found[1])


def test_there_are_redis_a_worker_and_a_demo(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) == {"redis", "worker", "demo"}


def test_redis_keeps_every_change_refuses_rather_than_evicts_and_is_open_to_this_machine_only(
    services: dict[str, dict[str, Any]],
) -> None:
    redis = services["redis"]
    program, *flags = redis["command"]
    options = dict(zip(flags[::2], flags[1::2], strict=True))
    assert program == "redis-server"
    assert (options["--appendonly"], options["--maxmemory-policy"]) == ("yes", "noeviction")
    assert redis["volumes"] == ["redis-data:/data"]  # where the image works
    assert all(port.startswith("127.0.0.1:") for port in redis["ports"])
    assert redis["healthcheck"]["test"] == ["CMD", "redis-cli", "ping"]


def test_whoever_needs_redis_waits_until_it_is_healthy(services: dict[str, dict[str, Any]]) -> None:
    for name in ("worker", "demo"):
        assert services[name]["depends_on"] == {"redis": {"condition": "service_healthy"}}


def test_settings_are_some_that_we_read_and_accept(services: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    for service in (services["worker"], services["demo"]):
        for name, value in service["environment"].items():
            assert isinstance(value, str), f"{name} is no text"
            assert any(name.lower() in topic.names() for topic in all_settings())
            monkeypatch.setenv(name, value)
        assert resolve(None).label == "redis:6379/0"
        assert all(topic.read() for topic in all_settings())


def test_the_workers_command_has_only_options_of_ours(services: dict[str, dict[str, Any]]) -> None:
    from qtui_workers.cli import make_app

    known = {option for parameter in get_command(make_app()).params for option in parameter.opts}
    command = services["worker"]["command"]
    assert {word for word in command if word.startswith("--")} <= known
    assert command[command.index("--log-format") + 1] in set(LogFormat)


def test_the_demo_enqueues_once_what_its_processor_accepts(services: dict[str, dict[str, Any]]) -> None:
    demo = services["demo"]
    assert demo["entrypoint"] == ["qtui", "enqueue"]
    assert demo["restart"] == "no"
    processor, *fields = demo["command"]
    assert get(processor).validate(dict(field.split("=", 1) for field in fields))


def test_a_worker_is_given_more_time_to_stop_than_it_gives_its_jobs(services: dict[str, dict[str, Any]]) -> None:
    from qtui_workers.cli import make_app

    stop = next((p for p in get_command(make_app()).params if "--shutdown-timeout" in p.opts), None)
    timeout = SHUTDOWN_TIMEOUT if stop is None else stop.default
    assert seconds(services["worker"]["stop_grace_period"]) > timeout
    assert ("STOPSIGNAL", "SIGTERM") in final_stage()


def test_both_of_our_services_are_the_same_image_built_here(services: dict[str, dict[str, Any]]) -> None:
    for name in ("worker", "demo"):
        assert (services[name]["image"], services[name]["build"]) == ("qtui-worker", ".")


def test_images_have_a_version() -> None:
    images = [rest.split()[0] for name, rest in instructions() if name == "FROM"]
    images.append(yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]["redis"]["image"])
    for image in images:
        assert re.fullmatch(r"(python|redis):\d+(\.\d+)*-[a-z]+", image), image


def test_the_images_python_is_one_that_the_project_is_for() -> None:
    versions = {rest.split()[0].removeprefix("python:").removesuffix("-slim") for name, rest in instructions() if name == "FROM"}
    [version] = versions
    assert f"Programming Language :: Python :: {version}" in PROJECT["classifiers"]


def test_the_image_runs_our_command_as_nobody_special() -> None:
    stage = final_stage()
    last = dict(stage)
    assert json.loads(last["ENTRYPOINT"]) == ["qtui-worker"]  # the list form: signals reach it, not a shell
    assert set(PROJECT["scripts"]) >= {"qtui-worker", "qtui"}
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last["USER"])
    names = [name for name, _ in stage]
    assert names.index("USER") > max(n for n, name in enumerate(names) if name in {"RUN", "COPY"})


def test_all_that_is_copied_is_there_and_gets_into_the_context() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    copied = [shlex.split(rest)[:-1] for name, rest in instructions() if name == "COPY" and "--from" not in rest]
    sources = {source for words in copied for source in words}
    assert sources == let_in
    assert all((ROOT / source).exists() for source in sources)
    assert sources >= {PROJECT["readme"], *PROJECT["license-files"], "pyproject.toml"}


def test_no_secret_stands_in_either_file() -> None:
    for name in ("Dockerfile", "compose.yaml"):
        text = (ROOT / name).read_text("utf-8")
        assert not re.search(r"(?i)(password|token|secret)\s*[=:]\s*\S", text)
        assert not re.search(r"://[^\s/]*:[^\s/]*@", text)
