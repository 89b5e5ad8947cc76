"""Tests that need what must be built, or root: collected everywhere, run by `make test-real`."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whatever lies in this folder; `make test` deselects the mark."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.real)
