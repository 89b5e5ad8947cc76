"""A GitHub with a repository and people, new for every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.github.double import GitHubDouble
from tests.github_world import GitHubWorld


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHubDouble]:
    with GitHubDouble(tmp_path / "github") as double:
        yield double
        assert double.violations == []


@pytest.fixture
def world(github: GitHubDouble, tmp_path: Path) -> GitHubWorld:
    """Seen with a token."""
    return GitHubWorld(github, tmp_path / "world")


@pytest.fixture
def app_world(github: GitHubDouble, tmp_path: Path) -> GitHubWorld:
    """Seen by an App."""
    return GitHubWorld(github, tmp_path / "world", app=True)
