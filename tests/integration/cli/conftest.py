"""One bank per test, and one per module for tests that only read."""

from pathlib import Path

import pytest

from tests.cli_desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A bank in which credit-risk is enforced, holds Staging by a promotion, and has one promotion pending."""
    desk = Desk(tmp_path_factory.mktemp("settled"))
    for weights in (b"1", b"2", b"3"):
        desk.version(weights=weights)
    desk.registry.set_alias("credit-risk", "champion", 1)
    desk.init()
    desk.run("max", "import", "credit-risk", "--owner", "@cody", "--purpose", "Score", "--card", "cards/EXAMPLE.md")
    desk.run("max", "sync", "--once")
    desk.promote("mode", "credit-risk", "enforce", by="dana", approved_by=("cody", "mo"))
    desk.promote("promote", "credit-risk", "--version", "2", "--to", "Staging", by="dana", approved_by=("cody",))
    desk.run("max", "sync", "--once")
    desk.promote("promote", "credit-risk", "--version", "2", "--to", "Production", by="dana", approved_by=("cody",))
    desk.run("max", "sync", "--once")
    return desk
