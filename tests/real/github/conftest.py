"""A double with a company on it, where GitHub's published schemas have been fetched."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.github.company import Company, found
from tests.doubles.github.double import GitHubDouble
from tests.doubles.github.schemas import available


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    assert available(), "run tests/doubles/github/fetch-schemas first"
    with GitHubDouble(tmp_path / "github") as github:
        yield found(github)
