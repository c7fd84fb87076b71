"""The workflows run what a clean clone runs, on every Python that the package is said to support."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import yaml

from qtui_workers.server.embedded import binary
from tests.servers.__main__ import WHEELS

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def jobs(name: str) -> dict[str, Any]:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text("utf-8"))
    found: dict[str, Any] = workflow["jobs"]
    return found


def commands(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def test_every_supported_python_runs_what_a_clean_clone_runs() -> None:
    job = jobs("ci.yml")["test"]
    named = [re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", text) for text in PROJECT["classifiers"]]
    versions = [match.group(1) for match in named if match]
    assert job["strategy"]["matrix"]["python"] == versions
    assert PROJECT["requires-python"] == f">={versions[0]}"
    assert commands(job) == ["bash .ci/run"]


def test_every_server_that_the_readme_calls_tested_is_tested() -> None:
    rows = re.findall(r"^\| (Redis [^|]+) \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    here, in_containers = ([f"{name} {number}" for name, number in _versions(row)] for row in rows)
    images = jobs("ci.yml")["servers"]["strategy"]["matrix"]["image"]
    assert in_containers == [image.rpartition("/")[2].replace(":", " ").capitalize() for image in images]
    known = {name.replace("-", " ").capitalize() for name in WHEELS}
    assert known | {"Redis 7.0"} == {name for name in here if name != f"Valkey {embedded_version()}"}


def _versions(row: str) -> list[tuple[str, str]]:
    """The name and the number of each server in a row of the README."""
    return [(part.split()[0], number) for part in row.split("; ") for number in re.findall(r"\d+\.\d+", part)]


def embedded_version() -> str:
    told = subprocess.run([binary(), "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"v=(\d+\.\d+)", told)
    assert found
    return found[1]


def test_a_release_is_tested_built_checked_and_published_without_a_token() -> None:
    found = jobs("release.yml")
    build, publish = found["build"], found["publish"]
    ran = commands(build)
    assert (ran[1], *ran[3:]) == ("bash .ci/run", ".venv/bin/python -m build", ".venv/bin/python -m twine check --strict dist/*")
    assert publish["needs"] == "build"
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"]["url"] == f"https://pypi.org/project/{PROJECT['name']}/"
    assert publish["steps"][-1] == {"uses": "pypa/gh-action-pypi-publish@release/v1"}


def test_a_release_names_the_repository_that_publishes_it_and_no_other(tmp_path: Path) -> None:
    assert "urls" not in PROJECT
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    given = {"GITHUB_SERVER_URL": "https://code.example", "GITHUB_REPOSITORY": "shop/qtui", "GITHUB_REF_NAME": "v0.1.0"}
    subprocess.run(["bash", "-euc", commands(jobs("release.yml")["build"])[2]], cwd=tmp_path, env=os.environ | given, check=True)
    written = tomllib.loads((tmp_path / "pyproject.toml").read_text("utf-8"))
    assert written["project"].pop("urls") == {
        "Homepage": "https://code.example/shop/qtui",
        "Documentation": "https://code.example/shop/qtui/blob/v0.1.0/README.md",
        "Changelog": "https://code.example/shop/qtui/blob/v0.1.0/CHANGELOG.md",
        "Issues": "https://code.example/shop/qtui/issues",
    }
    assert written["project"] == PROJECT
    links = re.findall(r"\]\((.+?)\)", (tmp_path / "README.md").read_text("utf-8"))
    assert "https://code.example/shop/qtui/raw/v0.1.0/screenshots/queues.svg" in links
    assert "https://code.example/shop/qtui/blob/v0.1.0/ARCHITECTURE.md" in links
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


def test_every_target_of_the_makefile_is_explained_to_contributors() -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert [name for name in targets if f"`make {name}`" not in text and name not in ("help", "clean")] == []


def test_the_hooks_before_a_commit_are_the_checks_of_make_lint() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    hooks = {hook["id"]: hook["entry"] for hook in repository["hooks"]}
    lint = (ROOT / "Makefile").read_text("utf-8").partition("\nlint:")[2].partition("\n\n")[0]
    for entry in hooks.values():
        tool = entry.removeprefix(".venv/bin/").removesuffix(" --fix")
        assert f"$(BIN)/{tool}" in lint
