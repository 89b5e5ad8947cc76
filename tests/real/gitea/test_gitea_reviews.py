"""What a real Gitea says of reviews, and what is made of it."""

import pytest

from stagewright.model.source import PullFacts, ReviewFacts
from tests.gitea.server import GiteaError
from tests.gitea.world import GiteaWorld


def proposed(world: GiteaWorld) -> tuple[int, str]:
    head = world.commit("dana", {"a": "1\n"}, branch="promote")
    number = world.open("promote")
    world.settle(number)
    return number, head


def read(world: GiteaWorld, number: int) -> dict[str, ReviewFacts]:
    """The reviews of an open pull request as the controller's account sees them, by id."""
    source = world.source()
    source.fetch()
    forge = world.forge(source)
    row = world.client().row(f"/repos/{world.repository}/pulls/{number}", "pull request")
    facts: PullFacts = forge.pulls.open(row).facts
    return {review.id: review for review in forge.reviews(facts)}


def decisions(world: GiteaWorld, number: int) -> dict[str, tuple[str, str, str]]:
    """Who decided what on which commit, by id."""
    logins = {world.account(name).id: name for name in ("dana", "noor", "ravi", "maintainer")}
    return {
        oid: (logins[r.author.id] if r.author is not None and hasattr(r.author, "id") else "?", r.decision, r.commit)
        for oid, r in read(world, number).items()
    }


def test_reviews_stay_with_the_commit_that_was_reviewed(world: GiteaWorld):
    number, head = proposed(world)
    early = world.review("noor", number, "approve")
    later_head = world.commit("dana", {"a": "2\n"}, branch="promote")
    world.settle(number)
    late = world.review("ravi", number, "approve", commit=later_head)

    assert decisions(world, number) == {
        str(early): ("noor", "approve", head), str(late): ("ravi", "approve", later_head),
    }  # fmt: skip
    rows = world.call("GET", f"/pulls/{number}/reviews")
    assert [row["id"] for row in rows if not row["stale"]] != []


def test_comment_decides_nothing_and_a_request_for_changes_rejects(world: GiteaWorld):
    number, head = proposed(world)
    comment = world.review("noor", number, "comment")
    rejection = world.review("ravi", number, "reject")

    assert decisions(world, number) == {
        str(comment): ("noor", "comment", head), str(rejection): ("ravi", "reject", head),
    }  # fmt: skip


def test_approval_that_was_dismissed_is_told_as_dismissed(world: GiteaWorld):
    number, head = proposed(world)
    review = world.review("noor", number, "approve")
    world.call("POST", f"/pulls/{number}/reviews/{review}/dismissals", {"message": "no"}, by="maintainer")

    assert decisions(world, number) == {str(review): ("noor", "dismissed", head)}


def test_rejection_that_somebody_else_dismissed_stands(world: GiteaWorld):
    number, head = proposed(world)
    review = world.review("noor", number, "reject")
    world.call("POST", f"/pulls/{number}/reviews/{review}/dismissals", {"message": "go"}, by="maintainer")

    assert decisions(world, number) == {str(review): ("noor", "reject", head)}


def test_rejection_that_its_author_dismissed_is_gone(world: GiteaWorld):
    number, head = proposed(world)
    review = world.review("maintainer", number, "reject")
    world.call("POST", f"/pulls/{number}/reviews/{review}/dismissals", {"message": "mended"}, by="maintainer")

    assert decisions(world, number) == {str(review): ("maintainer", "dismissed", head)}


def test_rejection_that_was_deleted_stands_by_what_the_feed_remembers(world: GiteaWorld):
    number, head = proposed(world)
    review = world.review("noor", number, "reject")
    world.call("DELETE", f"/pulls/{number}/reviews/{review}")

    found = decisions(world, number)

    assert list(found.values()) == [("noor", "reject", head)]
    assert [name.partition("-")[0] for name in found] == ["activity"]


def test_approval_that_was_deleted_is_gone(world: GiteaWorld):
    number, _ = proposed(world)
    review = world.review("noor", number, "approve")
    world.call("DELETE", f"/pulls/{number}/reviews/{review}", by="noor")

    assert decisions(world, number) == {}


def test_draft_of_somebody_else_is_not_shown_and_hides_nothing(world: GiteaWorld):
    number, head = proposed(world)
    line = {"path": "a", "body": "hm", "new_position": 1}
    world.call("POST", f"/pulls/{number}/reviews", {"body": "not yet", "comments": [line]}, by="ravi")
    review = world.review("noor", number, "approve")

    assert decisions(world, number) == {str(review): ("noor", "approve", head)}


def test_more_than_a_page_of_reviews_is_read_to_the_end(world: GiteaWorld):
    number, _ = proposed(world)
    made = [str(world.review("noor", number, "comment")) for _ in range(59)]
    made.append(str(world.review("noor", number, "reject")))

    found = read(world, number)

    assert sorted(found) == sorted(made)
    assert found[made[-1]].decision == "reject"


def test_many_comments_on_lines_do_not_hide_who_dismissed(world: GiteaWorld):
    number, _ = proposed(world)
    lines = [{"path": "a", "body": "hm", "new_position": 1} for _ in range(60)]
    body = {"event": "COMMENT", "body": "much", "comments": lines}
    world.call("POST", f"/pulls/{number}/reviews", body, by="dana")
    review = world.review("maintainer", number, "reject")
    world.call("POST", f"/pulls/{number}/reviews/{review}/dismissals", {"message": "ok"}, by="maintainer")

    assert read(world, number)[str(review)].decision == "dismissed"


def test_reviewer_whose_account_was_deleted_is_nobody(world: GiteaWorld):
    gone = world.server.unique("gone")
    world.team("gone-writers", gone, permission="write")
    number, head = proposed(world)
    review = world.review(gone, number, "approve")
    world.server.call("DELETE", f"/orgs/{world.org}/members/{gone}")
    world.server.call("DELETE", f"/admin/users/{gone}")

    found = read(world, number)[str(review)]

    assert (found.author, found.decision, found.commit) == (None, "approve", head)


def test_gitea_takes_no_review_once_it_is_merged(world: GiteaWorld):
    number, _ = proposed(world)
    world.merge_pull(number)

    with pytest.raises(GiteaError, match="closed or merged"):
        world.review("noor", number, "approve")


def test_approval_from_before_the_branch_was_changed_does_not_count_however_much_hides_that(world: GiteaWorld):
    world.git("maintainer", "push", "-q", "origin", f"{world.first}:refs/heads/release")
    world.commit("dana", {"a": "1\n"}, branch="promote")
    number = world.open("promote", base="release")
    world.settle(number)
    early = world.review("noor", number, "approve")
    lines = [{"path": "a", "body": "hm", "new_position": 1} for _ in range(110)]
    world.call("POST", f"/pulls/{number}/reviews", {"event": "COMMENT", "body": "much", "comments": lines}, by="dana")
    world.call("PATCH", f"/pulls/{number}", {"base": "main"}, by="dana")
    world.next_second()
    late = world.review("ravi", number, "approve")
    merge = world.merge_pull(number)
    world.settle_feed(merge)
    source = world.source()
    source.fetch()
    forge = world.forge(source)

    pull = forge.pull(merge, world.first)
    assert pull is not None
    found = {review.id: review for review in forge.reviews(pull)}

    assert "turned to another branch" in str(found[str(early)].flaw)
    assert found[str(late)].flaw is None
