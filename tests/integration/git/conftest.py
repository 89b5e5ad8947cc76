"""One world of git per test."""

from pathlib import Path

import pytest

from tests.git_world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world")
