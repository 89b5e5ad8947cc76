"""What every `Conversation` and `PullRequests` does: inherit the class in a test module and give it a `talk`.

class TestGitea(ConversationContract):
    @pytest.fixture
    def talk(self, world: GiteaWorld) -> Talk:
        return GiteaTalk(world)
"""

from typing import Protocol

import pytest

from stagewright.errors import NotFoundError
from stagewright.model.conversation import PullLink, StatusMark
from stagewright.model.review import Account, DecisionText
from stagewright.ports import Conversation, PullRequests
from tests.git_world import World

SUBJECT = "7" * 64


class Talk(Protocol):
    """A repository with people, and what is said on its pull requests."""

    world: World

    def replica(self) -> Conversation:
        """The controller's voice, as a new process has it; the repository was fetched just before."""
        ...

    def access(self, name: str) -> PullRequests:
        """A person's own access."""
        ...

    def account(self, name: str) -> Account:
        """Who `name` is to this forge."""
        ...

    def comments(self, number: int) -> list[str]:
        """The texts of all comments, without what an adapter adds to know its own."""
        ...

    def marks(self, commit: str) -> list[tuple[str, str]]:
        """State and line of every mark that the commit has under the controller's context."""
        ...

    def asked(self, number: int) -> list[str]:
        """The logins of all people who are asked for a review."""
        ...


class ConversationContract:
    """The tests; `talk` is a fixture of the class that inherits them."""

    @pytest.fixture
    def talk(self) -> Talk:
        raise NotImplementedError

    def opened(self, talk: Talk, branch: str = "promote") -> PullLink:
        """A branch of dana's, and her pull request of it."""
        talk.world.commit("dana", {f"{branch}.txt": "1\n"}, branch=branch)
        return talk.access("dana").open(branch, title=f"Promote on {branch}", body="As agreed.")

    def test_open_of_a_branch_makes_one_pull_request_and_finds_it_again(self, talk: Talk):
        link = self.opened(talk)

        again = talk.access("dana").open("promote", title="Another title", body="Another text.")

        assert (link.created, again) == (True, PullLink(number=link.number, url=link.url, created=False))

    def test_open_pulls_are_all_open_ones_by_number_as_if_merged_now(self, talk: Talk):
        first, second = self.opened(talk), self.opened(talk, "other")

        found = talk.replica().open_pulls()

        assert [pull.number for pull in found] == [first.number, second.number]
        facts = found[0].facts
        assert (facts.id, facts.title, facts.base_branch, facts.author, facts.merged_head, facts.first_parent) == (
            str(first.number), "Promote on promote", "main", talk.account("dana"), talk.world.head("promote"),
            talk.world.head(),
        )  # fmt: skip
        assert (found[0].draft, facts.brought) == (False, ())

    def test_find_of_an_open_pull_request_tells_what_is_listed(self, talk: Talk):
        link = self.opened(talk)
        (listed,) = talk.replica().open_pulls()

        assert talk.access("noor").find(link.number) == listed

    def test_find_of_a_number_that_is_none_is_not_found(self, talk: Talk):
        with pytest.raises(NotFoundError):
            talk.access("noor").find(4711)

    def test_comment_is_one_whoever_says_it_and_however_often(self, talk: Talk):
        number = self.opened(talk).number

        for text in ("pending", "pending", "approved"):
            talk.replica().say(number, text)

        assert talk.comments(number) == ["approved"]

    def test_comment_shows_markdown_as_it_was_said(self, talk: Talk):
        number = self.opened(talk).number
        text = "### … pending: ``a`b``\n\n- `@noor`\n\n| `a` |\n| --- |\n| `b` |\n\n    — note\n"

        talk.replica().say(number, text)

        assert talk.comments(number) == [text.rstrip("\n")]

    def test_mark_is_the_last_one_and_the_same_is_not_made_again(self, talk: Talk):
        self.opened(talk)
        head = talk.world.head("promote")

        for state in ("pending", "pending", "success"):
            talk.replica().mark(StatusMark(commit=head, state=state, summary=f"it is {state}"))  # type: ignore[arg-type] # a mark's states
        marks = talk.marks(head)
        talk.replica().mark(StatusMark(commit=head, state="success", summary="it is success"))

        assert marks[-1] == ("success", "it is success")
        assert talk.marks(head) == marks

    def test_people_are_asked_once_and_the_author_never(self, talk: Talk):
        number = self.opened(talk).number

        for _ in range(2):
            talk.replica().ask(number, ("noor", "dana"), ())

        assert talk.asked(number) == ["noor"]

    def test_person_who_may_not_be_asked_keeps_nobody_else_from_it(self, talk: Talk):
        number = self.opened(talk).number

        talk.replica().ask(number, ("nobody-of-that-name", "noor"), ())

        assert talk.asked(number) == ["noor"]

    def test_whoami_tells_whose_token_it_is(self, talk: Talk):
        assert talk.access("noor").whoami() == talk.account("noor")

    def test_decide_is_a_review_of_that_commit(self, talk: Talk):
        number = self.opened(talk).number
        said = DecisionText(decision="approve", subjects=(SUBJECT,), origin="ledger.example/prod", text="Back-tested.")

        made = talk.access("noor").decide(number, said, commit=talk.world.head("promote"))
        other = talk.access("ravi").decide(number, said, commit=talk.world.head("promote"))

        assert made
        assert made != other

    def test_every_finding_that_is_not_fine_has_a_remedy(self, talk: Talk):
        talk.replica()
        for finding in talk.access("noor").examine():
            assert finding.detail
            assert finding.fine or finding.remedy
