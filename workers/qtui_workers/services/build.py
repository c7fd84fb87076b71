"""The build of a project: its plan, the run of its command, and the archive of its output.

The plan is the file `publish.toml` in the project's folder:

    command = ["make", "dist"]        # argv, never a shell
    output = "dist"                   # the file or folder that is packed
    environment = { MODE = "release" }
"""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
import tarfile
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path, PurePosixPath
from signal import SIGKILL
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from qtui_workers.errors import InvalidInput
from qtui_workers.services import child_guard
from qtui_workers.text import printable
from qtui_workers.validation import invalid

PLAN: Final = "publish.toml"
_PASSED_ON: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER")
"""The variables of the worker's environment that the build receives; the others may hold passwords."""
_LINE_LIMIT: Final = 8_192

Word = Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\x00]+$")]


class BuildFailed(Exception):
    """The build's command failed, or made no output."""


class Plan(BaseModel):
    """The content of `publish.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: tuple[Word, ...] = Field(min_length=1)
    """The program and its arguments, run in the project's folder."""
    output: str = "dist"
    """What the build makes: a file or folder in the project's."""
    environment: dict[Word, str] = {}
    """Variables for the build, beside PATH, HOME and the like."""

    @field_validator("output")
    @classmethod
    def _is_inside(cls, value: str) -> str:
        path = PurePosixPath(value)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError("must be a path inside the project, such as dist")
        return value

    @classmethod
    def read(cls, project: Path) -> Plan:
        """The plan of the project in that folder; InvalidInput, with what is wrong, where there is none."""
        try:
            return cls.model_validate(tomllib.loads((project / PLAN).read_text("utf-8")))
        except OSError as error:
            raise InvalidInput(f"{project / PLAN} cannot be read: {error.strerror}; it says how the project is built") from None
        except ValidationError as error:
            raise InvalidInput(f"{project / PLAN}: {printable(str(invalid(error)), 300)}") from None
        except ValueError as error:
            raise InvalidInput(f"{project / PLAN} is not TOML: {printable(str(error), 200)}") from None


@dataclass(frozen=True, slots=True)
class Artifact:
    """A packed build."""

    sha256: str
    size: int
    """Bytes."""


def run(plan: Plan, project: Path, log: logging.Logger) -> None:
    """Runs the plan's command to its end, and logs each line of its output; BuildFailed where it fails.

    However this function ends, also by a timeout or by kill -9 of its process, the build's process group ends too.
    """
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | plan.environment
    with subprocess.Popen(
        [sys.executable, "-I", child_guard.__file__, *plan.command],
        cwd=project,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            while line := process.stdout.readline(_LINE_LIMIT):
                log.info("%s", printable(line.decode("utf-8", "surrogateescape").rstrip("\r\n"), _LINE_LIMIT))
            code = process.wait()
        finally:
            with suppress(ProcessLookupError):  # nothing of the group is left
                os.killpg(process.pid, SIGKILL)
    if code:
        raise BuildFailed(f"the build's command ({printable(plan.command[0], 100)}) ended with {code}; see the job's log")


def pack(plan: Plan, project: Path, into: BufferedRandom) -> Artifact:
    """Writes the plan's output as tar.gz; BuildFailed where it is not there. Links are packed as links, never followed."""
    output = (project / plan.output).resolve()
    if not output.exists() or not output.is_relative_to(project.resolve()):
        raise BuildFailed(f"the build has made no '{printable(plan.output, 100)}' in its folder")
    with tarfile.open(fileobj=into, mode="w:gz") as archive:
        archive.add(output, arcname=PurePosixPath(plan.output).name)
    size = into.tell()
    into.seek(0)
    digest = hashlib.file_digest(into, "sha256")
    into.seek(0)
    return Artifact(digest.hexdigest(), size)
