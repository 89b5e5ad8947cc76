"""Tests that need what must be built, or root: collected everywhere, run by `make test-real`."""

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whatever lies in this folder; `make test` deselects the mark."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.real)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With STAGEWRIGHT_REAL=required a test that was skipped is a failure: nothing of this tier may go unseen."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = len(reporter.stats.get("skipped", ())) if reporter else 0
    if skipped and os.environ.get("STAGEWRIGHT_REAL") == "required":
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
