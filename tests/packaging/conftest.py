"""The distributions, built once, and a fresh environment with the wheel in it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Distributions:
    """The files that a release publishes."""

    wheel: Path
    sdist: Path


def build(source: Path, folder: Path, *kinds: str) -> list[Path]:
    """The distributions of a source tree, built with the tools of this environment."""
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", *kinds, "--outdir", folder, source],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return sorted(folder.iterdir())


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """The wheel and the source distribution of this checkout."""
    sdist, wheel = build(ROOT, tmp_path_factory.mktemp("dist"), "--sdist", "--wheel")[::-1]
    if wheel.suffix != ".whl":
        sdist, wheel = wheel, sdist
    return Distributions(wheel, sdist)


@pytest.fixture(scope="session")
def installed(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of a fresh virtual environment with the wheel; its dependencies are those of this environment."""
    environment = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, distributions.wheel], check=True, capture_output=True, timeout=120)
    # A folder named in a .pth file is searched last, and the .pth files inside it, such as that of our checkout, are not read.
    (site,) = (environment / "lib").glob("python3*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent
