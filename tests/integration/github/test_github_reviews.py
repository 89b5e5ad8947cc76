"""Reviews as they stand: every state, dismissals and whose they were, lists of any length, two APIs that agree."""

import pytest

from stagewright.errors import IncompleteError
from stagewright.model.review import Account, Decision
from stagewright.model.source import PullFacts
from tests.doubles.github.double import GitHubDouble
from tests.doubles.github.faults import Fault
from tests.github_world import GitHubWorld


def told(world: GitHubWorld, merge: str) -> PullFacts:
    world.fetch()
    pull = world.forge.pull(merge, world.source.commit(merge).parents[0])
    assert pull is not None
    return pull


def decisions(world: GitHubWorld, pull: PullFacts) -> dict[str, tuple[str, Decision]]:
    return {
        r.id: (r.author.login if isinstance(r.author, Account) else "", r.decision) for r in world.forge.reviews(pull)
    }


def test_reviews_of_every_state(world: GitHubWorld):
    number, head, merge = world.merged()
    made = [world.review(name, number, what) for name, what in
            (("noor", "approve"), ("ravi", "reject"), ("noor", "comment"))]  # fmt: skip
    draft = world.github.forge.review(
        world.hosted, world.hosted.pulls[number], world.person("ravi").account, event=None, body="", commit=None
    )
    pull = told(world, merge)

    found = world.forge.reviews(pull)

    assert [(r.id, r.decision, r.commit, r.claims, r.standing, r.flaw, r.withdraws) for r in found] == [
        (str(own), decision, head, None, False, None, ())
        for own, decision in zip(made, ("approve", "reject", "comment"), strict=True)
    ]
    assert [r.first_seen for r in found] == [
        review.submitted for review in world.hosted.pulls[number].reviews if review is not draft
    ]


@pytest.mark.parametrize(
    ("what", "by", "decision"),
    [
        ("approve", "noor", "dismissed"),
        ("approve", "maintainer", "dismissed"),
        ("reject", "noor", "dismissed"),
        ("reject", "maintainer", "reject"),
    ],
    ids=["own approval", "somebody's approval", "own rejection", "somebody's rejection: it stands"],
)
def test_dismissal_takes_a_review_away_unless_it_is_anothers_veto(
    world: GitHubWorld, what: str, by: str, decision: Decision
):
    number, _, merge = world.merged()
    review = world.review("noor", number, what)
    world.dismiss(by, number, review)

    assert decisions(world, told(world, merge)) == {str(review): ("noor", decision)}


def test_dismissal_is_noticed_when_it_comes_later(world: GitHubWorld):
    number, _, merge = world.merged()
    review = world.review("noor", number, "approve")
    pull = told(world, merge)
    before = decisions(world, pull)
    world.dismiss("maintainer", number, review)

    assert (before, decisions(world, pull)) == (
        {str(review): ("noor", "approve")}, {str(review): ("noor", "dismissed")},
    )  # fmt: skip


def test_approval_after_the_merge_has_its_own_time(world: GitHubWorld, github: GitHubDouble):
    number, _, merge = world.merged()
    github.world.clock.advance(hours=5)
    world.review("noor", number, "approve")
    at = world.hosted.pulls[number].merged

    found = world.forge.reviews(told(world, merge))

    assert at is not None
    assert [(r.decision, r.first_seen is not None and r.first_seen > at) for r in found] == [("approve", True)]


def test_review_of_an_earlier_commit_keeps_that_commit(world: GitHubWorld):
    first = world.put("dana", {"a.txt": "1\n"}, branch="promote")
    number = world.open("promote")
    world.review("noor", number, "approve")
    world.put("dana", {"b.txt": "1\n"}, branch="promote")
    merge = world.merge_pull(number)

    assert [(r.decision, r.commit) for r in world.forge.reviews(told(world, merge))] == [("approve", first)]


def test_many_reviews_and_dismissals_are_read_to_the_end(world: GitHubWorld):
    number, _, merge = world.merged()
    pull = world.hosted.pulls[number]
    noor, maintainer = world.person("noor").account, world.person("maintainer").account
    for at in range(230):
        review = world.github.forge.review(
            world.hosted, pull, noor, event="APPROVE" if at % 2 else "REQUEST_CHANGES", body="x", commit=None
        )
        if at < 210:
            world.github.forge.dismiss(world.hosted, pull, review, maintainer, "no")

    found = world.forge.reviews(told(world, merge))

    assert len(found) == 230
    assert [r.decision for r in found[205:]] == [
        "dismissed" if at % 2 and at < 210 else "approve" if at % 2 else "reject" for at in range(205, 230)
    ]


def test_dismissal_that_the_timeline_does_not_know_is_not_guessed(world: GitHubWorld):
    number, _, merge = world.merged()
    review = world.review("noor", number, "reject")
    world.dismiss("maintainer", number, review)
    world.hosted.pulls[number].events = [e for e in world.hosted.pulls[number].events if e.kind != "review_dismissed"]

    with pytest.raises(IncompleteError, match=f"review {review} was dismissed, and GitHub does not say by whom"):
        world.forge.reviews(told(world, merge))


def test_empty_list_is_not_believed(world: GitHubWorld, github: GitHubDouble):
    """A veto must not vanish because a list comes back empty."""
    number, _, merge = world.merged()
    review = world.review("noor", number, "reject")
    pull = told(world, merge)
    github.faults.add(Fault(kind="empty", path="/reviews"))

    with pytest.raises(IncompleteError, match="two APIs do not agree"):
        world.forge.reviews(pull)

    assert decisions(world, pull) == {str(review): ("noor", "reject")}


def test_page_that_leaves_out_the_next_one_is_not_believed(world: GitHubWorld, github: GitHubDouble):
    number, _, merge = world.merged()
    pull = world.hosted.pulls[number]
    for _ in range(101):
        world.github.forge.review(
            world.hosted, pull, world.person("noor").account, event="COMMENT", body="x", commit=None
        )
    veto = world.review("ravi", number, "reject")
    facts = told(world, merge)
    listed = world.person("robot").ask("GET", f"/repos/acme/models/pulls/{number}/reviews", per_page="100")
    github.faults.add(Fault(kind="body", path="/reviews", body=listed.content))

    with pytest.raises(IncompleteError, match="two APIs do not agree"):
        world.forge.reviews(facts)

    assert decisions(world, facts)[str(veto)] == ("ravi", "reject")


def test_renamed_reviewer_keeps_their_id(world: GitHubWorld):
    number, _, merge = world.merged()
    world.review("noor", number, "approve")
    pull = told(world, merge)
    account = world.account("noor")
    world.github.world.rename(world.person("noor").account, "noor-new")

    assert [r.author and getattr(r.author, "id", "") for r in world.forge.reviews(pull)] == [account.id]
