"""What a person is shown to sign, before the merge and after it: the same, for as long as the promotion waits."""

from pathlib import Path

import pytest

from stagewright.adapters.git.forge import GitForge
from stagewright.adapters.git.source import GitSource
from stagewright.adapters.git.workspace import Workspace
from stagewright.app.decisions import Decider
from stagewright.app.desired import DesiredReader
from stagewright.errors import InvalidError
from tests.bank import PEOPLE, policy
from tests.git_world import World


def model(tier: str) -> str:
    return f"""\
apiVersion: stagewright.dev/v1alpha1
kind: Model
metadata:
  name: churn
spec:
  owner: "@acme/churn"
  purpose: Rank customers.
  riskTier: {tier}
  stages: {{}}
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    files = {
        "stagewright.yaml": policy(),
        "allowed_signers": World.allowed_signers(*PEOPLE),
        "CODEOWNERS": "* @noor\n",
        "models/churn.yaml": model("high"),
    }
    return World(tmp_path / "world", files=files)


@pytest.fixture
def decider(world: World, tmp_path: Path) -> Decider:
    source = GitSource(url=str(world.origin), branch="main", mirror=tmp_path / "mirror.git")
    return Decider(
        workspace=Workspace(world.clone("noor")),
        source=source,
        forge=GitForge(source),
        desired=DesiredReader(source, ""),
        branch="main",
    )


def subjects(decider: Decider, revision: str) -> list[tuple[str, str]]:
    return [(str(change.key), change.subject) for change in decider.proposed(revision)[2]]


def test_proposed_of_a_branch_stays_what_it_was_after_its_merge_and_another(world: World, decider: Decider):
    head = world.commit("dana", {"models/churn.yaml": model("low")}, branch="lower")
    world.commit("eve", {"README.md": "Read me.\n"}, branch="other")
    before = subjects(decider, "lower")
    world.merge("lower", by="maintainer")
    world.merge("other", by="maintainer")
    assert [key for key, _ in before] == ["churn/@spec"]
    assert subjects(decider, "lower") == before
    assert subjects(decider, head) == before


def test_proposed_of_a_branch_that_was_updated_from_main_and_merged_stays_what_it_was(world: World, decider: Decider):
    world.commit("dana", {"models/churn.yaml": model("low")}, branch="lower")
    before = subjects(decider, "lower")
    world.commit("eve", {"README.md": "Read me.\n"}, branch="other")
    world.merge("other", by="maintainer")
    world.update_branch("lower", by="dana")
    assert subjects(decider, "lower") == before
    world.merge("lower", by="maintainer")
    assert subjects(decider, "lower") == before


@pytest.mark.parametrize("how", ["merged", "pushed straight"])
def test_proposed_of_a_commit_of_main_itself_is_nothing(world: World, decider: Decider, how: str):
    if how == "merged":
        world.commit("dana", {"models/churn.yaml": model("low")}, branch="lower")
        commit = world.merge("lower", by="maintainer")
    else:
        commit = world.push_main("dana", {"models/churn.yaml": model("low")})
    with pytest.raises(InvalidError, match="proposes nothing to decide on"):
        decider.proposed(commit)
