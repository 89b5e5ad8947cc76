"""What every `Forge` does: inherit `ForgeContract` in a test module and give it a `host`.

class TestGit(ForgeContract):
    @pytest.fixture
    def host(self, tmp_path: Path) -> Host:
        return GitHost(tmp_path)
"""

from typing import Literal, Protocol

import pytest

from stagewright.errors import NotFoundError
from stagewright.model.review import Account, Actor
from stagewright.model.source import PullFacts
from stagewright.ports import Forge
from tests.git_world import World

SUBJECT = "7" * 64


class Host(Protocol):
    """A repository with people, whose pull requests a forge tells.

    `signed`: a decision is signed, and so names its subjects, and stands when it is a rejection.
    """

    world: World
    forge: Forge
    signed: bool

    def actor(self, name: str) -> Actor:
        """Who `name` is to this forge."""
        ...

    def title(self, branch: str) -> str:
        """What a pull request of `branch` is called."""
        ...

    def merge(self, branch: str) -> str:
        """Merge what dana proposed on `branch`, by a merge commit; its id."""
        ...

    def review(self, name: str, decision: Literal["approve", "reject"], commit: str) -> str:
        """Decide on the head of a branch of dana's that is not merged yet; the review's id."""
        ...

    def withdraw(self, review: str) -> None:
        """Take an approval back, as the person who gave it."""
        ...

    def refresh(self) -> None:
        """Let the forge see what happened."""
        ...


class ForgeContract:
    """The tests; `host` is a fixture of the class that inherits them."""

    @pytest.fixture
    def host(self) -> Host:
        raise NotImplementedError

    def merged(self, host: Host) -> tuple[str, PullFacts]:
        """One branch of dana's, merged: its head, and what the forge says."""
        head = host.world.commit("dana", {"a": "1\n"}, branch="promote")
        return head, self.pull(host, "promote")

    def pull(self, host: Host, branch: str) -> PullFacts:
        """What the forge says of a branch, merged now."""
        first_parent = host.world.head()
        merge = host.merge(branch)
        host.refresh()
        pull = host.forge.pull(merge, first_parent)
        assert pull is not None
        return pull

    def test_pull_of_a_merge_tells_head_base_and_author(self, host: Host):
        head, pull = self.merged(host)

        assert (pull.merged_head, pull.first_parent, pull.base_branch, pull.author, pull.title) == (
            head, host.world.first, "main", host.actor("dana"), host.title("promote"),
        )  # fmt: skip

    def test_pull_asked_twice_is_the_same(self, host: Host):
        _, pull = self.merged(host)

        assert host.forge.pull(host.world.head(), host.world.first) == pull

    def test_pull_of_a_straight_push_is_none(self, host: Host):
        pushed = host.world.push_main("dana", {"a": "1\n"})
        host.refresh()

        assert host.forge.pull(pushed, host.world.first) is None

    def test_reviews_of_a_pull_without_any_are_none(self, host: Host):
        _, pull = self.merged(host)

        assert host.forge.reviews(pull) == ()

    def test_reviews_tell_who_decided_what_on_which_commit(self, host: Host):
        head = host.world.commit("dana", {"a": "1\n"}, branch="promote")
        approval = host.review("noor", "approve", head)
        rejection = host.review("ravi", "reject", head)
        pull = self.pull(host, "promote")

        found = {review.id: review for review in host.forge.reviews(pull)}

        claims = frozenset({SUBJECT}) if host.signed else None
        assert {
            oid: (review.author, review.decision, review.commit, review.claims, review.standing, review.flaw)
            for oid, review in found.items()
        } == {
            approval: (host.actor("noor"), "approve", head, claims, False, None),
            rejection: (host.actor("ravi"), "reject", head, claims, host.signed, None),
        }

    def test_reviews_do_not_mix_pull_requests(self, host: Host):
        head = host.world.commit("dana", {"a": "1\n"}, branch="promote")
        other = host.world.commit("dana", {"b": "1\n"}, branch="other")
        first, second = host.review("noor", "approve", head), host.review("noor", "approve", other)
        pull, later = self.pull(host, "promote"), self.pull(host, "other")

        assert [review.id for review in host.forge.reviews(pull)] == [first]
        assert [review.id for review in host.forge.reviews(later)] == [second]

    def test_reviews_that_were_taken_back_are_gone(self, host: Host):
        head = host.world.commit("dana", {"a": "1\n"}, branch="promote")
        approval = host.review("noor", "approve", head)
        pull = self.pull(host, "promote")
        assert [review.id for review in host.forge.reviews(pull)] == [approval]

        host.withdraw(approval)
        host.refresh()

        assert host.forge.reviews(pull) == ()

    def test_accounts_are_told_by_login_in_any_letters_and_by_nothing_less(self, host: Host):
        noor = host.actor("noor")
        found = host.forge.accounts(["nobody-at-all", *([noor.login.upper()] if isinstance(noor, Account) else [])])

        expected = {"nobody-at-all": None, noor.login.upper(): noor.id} if isinstance(noor, Account) else None
        assert found == expected

    def test_members_of_a_team_that_does_not_exist_are_not_found(self, host: Host):
        with pytest.raises(NotFoundError, match="@acme/nobody"):
            host.forge.members("@acme/nobody")
