"""What the controller says on a real Gitea, and what a person does there."""

from dataclasses import replace

import pytest

from stagewright.errors import InvalidError, NotFoundError
from stagewright.model.conversation import Deployed, StatusMark
from stagewright.model.review import DecisionText
from tests.gitea.world import GiteaWorld


def proposed(world: GiteaWorld) -> tuple[int, str]:
    head = world.commit("dana", {"a": "1\n"}, branch="promote")
    number = world.open("promote")
    world.settle(number)
    return number, head


def comments(world: GiteaWorld, number: int) -> list[tuple[str, str]]:
    return [(row["user"]["login"], row["body"]) for row in world.call("GET", f"/issues/{number}/comments")]


def test_comment_is_one_and_edited_in_place(world: GiteaWorld):
    number, _ = proposed(world)
    conversation = world.conversation(world.source())

    for text in ("pending", "pending", "approved"):
        conversation.say(number, text)
    world.conversation(world.source("other")).say(number, "approved")

    assert [(who, text.splitlines()[1:]) for who, text in comments(world, number)] == [("robot", ["approved"])]


def test_comment_that_looks_like_the_controller_s_own_is_left_alone(world: GiteaWorld):
    number, _ = proposed(world)
    forged = "<!-- stagewright: this comment is kept up to date -->\nApproved, merge it."
    world.call("POST", f"/issues/{number}/comments", {"body": forged}, by="dana")

    world.conversation(world.source()).say(number, "pending")

    assert comments(world, number)[0] == ("dana", forged)
    assert [who for who, _ in comments(world, number)] == ["dana", "robot"]


def test_second_comment_of_one_s_own_is_removed(world: GiteaWorld):
    number, _ = proposed(world)
    for _ in range(2):
        world.call("POST", f"/issues/{number}/comments", {"body": "<!-- stagewright: x -->\nold"}, by="robot")

    world.conversation(world.source()).say(number, "<!-- stagewright: y -->\nnew")

    assert comments(world, number) == [("robot", "<!-- stagewright: y -->\nnew")]


def test_comment_on_a_merged_pull_request_is_edited_too(world: GiteaWorld):
    number, _ = proposed(world)
    conversation = world.conversation(world.source())
    conversation.say(number, "approved")
    world.merge_pull(number)

    conversation.say(number, "applied")

    assert [text.splitlines()[1] for _, text in comments(world, number)] == ["applied"]


def test_comment_that_is_too_long_is_refused(world: GiteaWorld):
    with pytest.raises(InvalidError, match="more than 65000"):
        world.conversation(world.source()).say(1, "x" * 65_001)


def test_status_is_written_when_it_changes_and_else_not(world: GiteaWorld):
    number, head = proposed(world)
    conversation = world.conversation(world.source())
    mark = StatusMark(commit=head, state="pending", summary="1 approval is missing", url="https://x.example/1")

    conversation.mark(mark)
    conversation.mark(mark)
    conversation.mark(replace(mark, state="success", summary="approved"))

    rows = sorted(world.call("GET", f"/commits/{head}/statuses"), key=lambda row: row["id"])
    assert [(row["context"], row["status"], row["description"], row["target_url"]) for row in rows] == [
        ("stagewright", "pending", "1 approval is missing", "https://x.example/1"),
        ("stagewright", "success", "approved", "https://x.example/1"),
    ]
    assert world.call("GET", f"/commits/{head}/status")["state"] == "success"
    assert number == 1


def test_status_of_somebody_else_is_answered_with_one_s_own(world: GiteaWorld):
    _, head = proposed(world)
    mark = StatusMark(commit=head, state="success", summary="approved")
    forged = {"context": "stagewright", "state": "success", "description": "approved"}
    world.call("POST", f"/statuses/{head}", forged, by="dana")

    world.conversation(world.source()).mark(mark)

    rows = world.call("GET", f"/commits/{head}/statuses")
    assert [row["creator"]["login"] for row in sorted(rows, key=lambda row: row["id"])] == ["dana", "robot"]


def test_ask_requests_whom_nobody_asked_and_who_did_not_review(world: GiteaWorld):
    risk = world.team("model-risk", "ravi", permission="write")
    number, _ = proposed(world)
    review = world.review("noor", number, "approve")
    conversation = world.conversation(world.source())
    people = ("dana", "noor", "maintainer", "nobody-of-that-name")

    conversation.ask(number, people, (f"@{world.org}/model-risk", "@elsewhere/model-risk"))
    conversation.ask(number, people, (f"@{world.org}/model-risk",))

    asked = [row for row in world.call("GET", f"/pulls/{number}/reviews") if row["state"] == "REQUEST_REVIEW"]
    assert [row["user"]["login"] for row in asked if row["user"]] == ["maintainer"]
    assert [row["team"]["id"] for row in asked if row["team"]] == [risk]
    assert world.call("GET", f"/pulls/{number}/reviews/{review}")["dismissed"] is False


def test_deployments_are_not_there_and_nothing_is_said(world: GiteaWorld):
    client = world.client()
    conversation = world.conversation(world.source(), client=client)

    conversation.deployed(Deployed(commit="1" * 40, environment="Staging", description="m 1", promotion="p", entry=7))

    with pytest.raises(Exception, match="does not tell the time"):
        _ = client.server_time  # nothing was asked


# Gitea takes a second to open one
@pytest.mark.timeout(600)
def test_open_pulls_are_those_against_the_branch_beyond_a_page_too(world: GiteaWorld):
    head = world.commit("dana", {"a": "1\n"}, branch="p00")
    refs = [f"{head}:refs/heads/p{number:02}" for number in range(1, 53)]
    world.git("dana", "push", "-q", "origin", *refs, f"{world.first}:refs/heads/release")
    numbers = [world.open(f"p{number:02}") for number in range(53)]
    world.open("p01", base="release")
    for number in numbers:
        world.settle(number)
    source = world.source()
    source.fetch()

    found = world.conversation(source).open_pulls()

    assert [pull.number for pull in found] == numbers
    assert {(pull.facts.merged_head, pull.facts.first_parent, pull.draft, pull.facts.author) for pull in found} == {
        (head, world.first, False, world.account("dana"))
    }


def test_draft_pull_request_is_told_as_one(world: GiteaWorld):
    world.commit("dana", {"a": "1\n"}, branch="promote")
    number = world.open("promote", title="WIP: not yet")
    world.settle(number)
    source = world.source()
    source.fetch()

    assert [(pull.number, pull.draft) for pull in world.conversation(source).open_pulls()] == [(number, True)]


def test_promoting_twice_opens_one_pull_request(world: GiteaWorld):
    world.commit("dana", {"a": "1\n"}, branch="promote")
    world.settle_feed(world.head("promote"), branch="promote")
    access = world.pull_requests(world.source())

    first = access.open("promote", title="Promote m", body="Please.")
    second = access.open("promote", title="Promote m", body="Please.")

    assert (first.created, second.created, second.number, second.url) == (True, False, first.number, first.url)
    assert access.whoami() == world.account("dana")


def test_decision_is_a_review_at_the_commit(world: GiteaWorld):
    number, head = proposed(world)
    world.commit("dana", {"a": "2\n"}, branch="promote")
    world.settle(number)

    made = world.pull_requests(world.source(), "noor").decide(
        number, DecisionText(decision="approve", subjects=("7" * 64,), text="Looks right."), commit=head
    )

    row = world.call("GET", f"/pulls/{number}/reviews/{made}")
    assert (row["state"], row["commit_id"], row["user"]["login"], row["body"]) == (
        "APPROVED", head, "noor", f"Looks right.\n\nstagewright-subject: {'7' * 64}",
    )  # fmt: skip


def test_pull_request_is_found_until_it_is_merged(world: GiteaWorld):
    number, head = proposed(world)
    source = world.source()
    source.fetch()
    access = world.pull_requests(source)
    assert access.find(number).facts.merged_head == head

    world.merge_pull(number)

    with pytest.raises(NotFoundError, match="was merged"):
        access.find(number)
    with pytest.raises(NotFoundError, match="pull request 99"):
        access.find(99)


def test_examine_says_what_is_open_and_how_to_close_it(world: GiteaWorld):
    source = world.source()
    source.fetch()
    robot, dana = (world.pull_requests(source, name) for name in ("robot", "dana"))
    before = {finding.name: finding.fine for finding in robot.examine()}

    world.call("POST", "/branch_protections", {"rule_name": "main", "enable_push": False})
    world.patch("", {"has_pull_requests": True, "allow_manual_merge": False})
    after = {finding.name: finding.fine for finding in robot.examine()}
    seen_by_dana = {finding.name: finding for finding in dana.examine()}

    assert before["branch protection"] is False
    assert before["merges by hand"] is False
    assert all(after.values())
    assert "merges by hand" not in after
    assert (seen_by_dana["code owners"].fine, seen_by_dana["write access"].fine) == (False, True)
    assert "administrator" in seen_by_dana["code owners"].remedy
