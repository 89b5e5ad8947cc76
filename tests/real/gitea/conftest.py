"""One Gitea for all tests of this process; every test has a repository of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.gitea.server import GiteaServer, running_gitea
from tests.gitea.world import GiteaWorld


@pytest.fixture(scope="session")
def gitea() -> Iterator[GiteaServer]:
    """The server."""
    with running_gitea() as server:
        yield server


@pytest.fixture
def world(gitea: GiteaServer, tmp_path: Path) -> GiteaWorld:
    """A repository with its people."""
    return GiteaWorld(gitea, tmp_path / "world")


@pytest.fixture
def new_world(gitea: GiteaServer, tmp_path: Path) -> Callable[[str], GiteaWorld]:
    """Makes further repositories."""
    return lambda name: GiteaWorld(gitea, tmp_path / name)
