"""The command line on a real Gitea, from `init` to a version that runs."""

import re
from pathlib import Path

import pytest

from tests.gitea.desk import GiteaDesk
from tests.gitea.world import GiteaWorld


@pytest.fixture
def desk(world: GiteaWorld, tmp_path: Path) -> GiteaDesk:
    """A bank that has begun, with one version trained."""
    made = GiteaDesk(world, tmp_path / "desk")
    made.version()
    made.init()
    world.settle_feed(world.head())
    made.run("robot", "sync", "--once")
    return made


def promoted(desk: GiteaDesk) -> int:
    """What dana opens; its number."""
    told = desk.run(
        "dana", "promote", "credit-risk", "--version", "1", "--to", "Staging", "--reason", "As agreed", "--yes",
        "--trainer", "@dana", "--owner", "@noor", "--purpose", "Score.", "--risk-tier", "low",
    )  # fmt: skip
    found = re.search(r"/pulls/(\d+)", told.out + told.err)
    assert found is not None, told
    return int(found[1])


def test_promotion_is_proposed_approved_and_merged_and_then_runs(desk: GiteaDesk):
    number = promoted(desk)
    row = desk.world.call("GET", f"/pulls/{number}")
    desk.world.settle(number)
    desk.world.settle_feed(row["head"]["sha"], branch=row["head"]["ref"])
    desk.run("robot", "sync", "--once")
    desk.run("noor", "approve", "--pr", str(number), "--yes", "--reason", "Back-tested on May")
    merge = desk.world.merge_pull(number, by="ravi", style="squash")
    desk.world.settle_feed(merge)

    desk.run("robot", "sync", "--once")

    assert dict(desk.registry.models["credit-risk"].aliases) == {"challenger": 1}
    comments = [
        c["body"] for c in desk.world.call("GET", f"/issues/{number}/comments") if c["user"]["login"] == "robot"
    ]
    assert len(comments) == 1
    assert "Applied" in comments[0]
    assert row["user"]["login"] == "dana"


def test_promoting_again_finds_the_pull_request_that_is_open(desk: GiteaDesk):
    assert promoted(desk) == promoted(desk)


def test_doctor_says_how_the_forge_is_reached(desk: GiteaDesk):
    told = desk.run("robot", "doctor", expect=None)

    assert "accounts may write" in told.out + told.err
    assert desk.world.server.user("robot").token not in told.out + told.err


def test_token_lies_nowhere_that_it_was_not_put(desk: GiteaDesk):
    promoted(desk)
    tokens = [desk.world.server.user(name).token.encode() for name in ("dana", "robot", "maintainer")]
    files = [file for file in desk.home.rglob("*") if file.is_file()]

    assert len(files) > 10
    assert [file for file in files if any(token in file.read_bytes() for token in tokens)] == []
