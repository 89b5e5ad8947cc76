"""A double with a company on it, new for every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.github.company import Company, found
from tests.doubles.github.double import GitHubDouble


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with GitHubDouble(tmp_path / "github") as github:
        yield found(github)
