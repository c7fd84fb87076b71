"""What the commands write to standard output."""

from __future__ import annotations

import json

import pytest

from qtui.printing import output


def _refuse(text: str) -> None:
    raise AssertionError(f"no JSON: {text}")


def test_a_document_is_json_whatever_a_job_has_returned(capsys: pytest.CaptureFixture[str]) -> None:
    output.emit({"result": [float("nan"), float("-inf"), 1.5], "name": "Zoë"})
    assert json.loads(capsys.readouterr().out, parse_constant=_refuse) == {"result": [None, None, 1.5], "name": "Zoë"}
