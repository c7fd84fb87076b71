"""What holds for all bundled processors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from qtui_workers.define import discovery
from qtui_workers.define.discovery import AnyProcessor
from qtui_workers.define.unrecoverable import Unrecoverable, not_retried
from tests.workers.support import environment

BUNDLED = {name: one for name, one in discovery.discover().processors.items() if one.path.startswith(discovery.BUNDLED)}


def test_all_of_them_are_found() -> None:
    assert set(BUNDLED) == {"audit_log", "email", "fetch_area", "publish_build", "report", "test_job", "webhook"}
    assert not discovery.discover().broken


@pytest.mark.parametrize("processor", BUNDLED.values(), ids=BUNDLED)
def test_each_says_what_it_does_and_what_its_fields_are(processor: AnyProcessor) -> None:
    assert processor.summary.endswith(".")
    assert all((field.description or "").endswith(".") for field in processor.payload.model_fields.values())


def test_listing_them_loads_nothing_heavy(home: Path) -> None:
    code = "import sys, json; from qtui_workers.define import discovery as d; d.discover(); print(json.dumps([*sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], env=environment(home), capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert "qtui_workers.processors.webhook" in loaded
    assert not loaded & {"httpx2", "sqlalchemy", "jinja2", "smtplib"}


def test_without_a_job_an_unrecoverable_failure_is_passed_on() -> None:
    with pytest.raises(Unrecoverable, match="why"), not_retried(None):
        raise Unrecoverable("why")
