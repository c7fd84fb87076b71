"""What a release would publish is complete, valid, and the same from the checkout and from the source distribution."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT, Distributions, build

pytestmark = pytest.mark.xdist_group("packaging")


def sources() -> set[str]:
    """The files of the packages, as the wheel names them."""
    tracked = subprocess.run(["git", "ls-files", "qtui", "workers"], cwd=ROOT, check=True, capture_output=True, text=True)
    return {name.removeprefix("workers/") for name in tracked.stdout.splitlines()}


def test_the_wheel_has_every_file_of_the_packages_and_no_others(distributions: Distributions) -> None:
    with zipfile.ZipFile(distributions.wheel) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == sources()
    for needed in (
        "qtui/py.typed",
        "qtui_workers/py.typed",
        "qtui/dashboard/qtui.tcss",
        "qtui_workers/processors/templates/welcome.txt.j2",
    ):
        assert needed in packed


def test_the_metadata_is_what_the_index_takes(distributions: Distributions) -> None:
    files = [distributions.wheel, distributions.sdist]
    checked = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *files], capture_output=True, text=True, timeout=60
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_source_distribution_makes_the_same_wheel(distributions: Distributions, tmp_path: Path) -> None:
    with tarfile.open(distributions.sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    (wheel,) = build(source, tmp_path / "dist", "--wheel")
    with zipfile.ZipFile(wheel) as again, zipfile.ZipFile(distributions.wheel) as first:
        assert {i.filename: i.CRC for i in again.infolist()} == {i.filename: i.CRC for i in first.infolist()}
