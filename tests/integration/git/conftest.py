"""One world of git per test, copied from one that is made once."""

from pathlib import Path

import pytest

from tests.git_world import World


@pytest.fixture(scope="session")
def first_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("git") / "world")


@pytest.fixture
def world(first_world: World, tmp_path: Path) -> World:
    return first_world.copy(tmp_path / "world")
