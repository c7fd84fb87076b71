"""The pytest plugin of the run: what differs on purpose has to fail, and each entry of that table has to be a test."""

from __future__ import annotations

import os

import pytest
from differences import DIFFERENCES


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks them as expected failures; one that passes after all is reported, and so is an entry that names no test."""
    if os.environ["SUITE_STOCK"]:
        return
    tests = {item.nodeid.removeprefix("tests/"): item for item in items}
    files = {name.partition("::")[0] for name in tests}
    unknown = [name for name in DIFFERENCES.keys() - tests.keys() if name.partition("::")[0] in files]
    if unknown and not any("::" in argument for argument in config.args):
        raise pytest.UsageError(f"RQ has no such tests: {', '.join(sorted(unknown))}")
    for name in DIFFERENCES.keys() & tests.keys():
        tests[name].add_marker(pytest.mark.xfail(reason=DIFFERENCES[name], strict=True))
