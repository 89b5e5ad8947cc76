"""Banks: an empty one per test, and banks with a history that is played once and brought back for each test."""

from pathlib import Path

import pytest

from tests.cli_desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Nothing yet."""
    return Desk(tmp_path)


def _begin(root: Path) -> Desk:
    desk = Desk(root)
    for weights in (b"1", b"2", b"3"):
        desk.version(weights=weights)
    desk.registry.set_alias("credit-risk", "champion", 1)
    desk.init()
    desk.run("max", "import", "credit-risk", "--owner", "@cody", "--purpose", "Score", "--card", "cards/EXAMPLE.md")
    desk.run("max", "sync", "--once")
    for name in ("dana", "cody", "mo"):
        desk.clone(name)
    return desk


@pytest.fixture(scope="session")
def _begun(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = _begin(tmp_path_factory.mktemp("begun"))
    desk.save()
    return desk


@pytest.fixture
def begun(_begun: Desk) -> Desk:
    """A bank with a ledger, where credit-risk has three versions, holds Production and is observed."""
    _begun.restore()
    return _begun


@pytest.fixture(scope="session")
def _enforced(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = _begin(tmp_path_factory.mktemp("enforced"))
    desk.promote("mode", "credit-risk", "enforce", by="dana", approved_by=("cody", "mo"))
    desk.promote("promote", "credit-risk", "--version", "2", "--to", "Staging", by="dana", approved_by=("cody",))
    desk.save()
    return desk


@pytest.fixture
def enforced(_enforced: Desk) -> Desk:
    """The same where credit-risk is enforced and version 2 was signed off for Staging, merged and not synced yet."""
    _enforced.restore()
    return _enforced


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The same synced, and with a promotion to Production that lacks one approval. For reading only."""
    desk = _begin(tmp_path_factory.mktemp("settled"))
    desk.promote("mode", "credit-risk", "enforce", by="dana", approved_by=("cody", "mo"))
    desk.promote("promote", "credit-risk", "--version", "2", "--to", "Staging", by="dana", approved_by=("cody",))
    desk.run("max", "sync", "--once")
    desk.promote("promote", "credit-risk", "--version", "2", "--to", "Production", by="dana", approved_by=("cody",))
    desk.run("max", "sync", "--once")
    return desk
