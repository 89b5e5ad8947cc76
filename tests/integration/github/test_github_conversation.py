"""What the controller says on pull requests: once, whatever was said before, and only over what is its own."""

from dataclasses import replace

import pytest

from stagewright.errors import ForbiddenError, InvalidError, UnreachableError
from stagewright.model.conversation import Deployed, StatusMark
from stagewright.model.source import PullFacts
from tests.doubles.github.double import GitHubDouble
from tests.doubles.github.faults import Fault
from tests.github_world import GitHubWorld

COMMENT = "/repos/{owner}/{repo}/issues/{issue_number}/comments"
EDIT = "/repos/{owner}/{repo}/issues/comments/{comment_id}"


@pytest.fixture(params=["token", "app"])
def seen(request: pytest.FixtureRequest) -> GitHubWorld:
    """The world, seen in both ways."""
    found: GitHubWorld = request.getfixturevalue("world" if request.param == "token" else "app_world")
    return found


def proposed(world: GitHubWorld, branch: str = "promote") -> int:
    world.put("dana", {f"{branch}.txt": "1\n"}, branch=branch)
    return world.open(branch)


def comments(world: GitHubWorld, number: int) -> list[tuple[str, str]]:
    return [(c.author.login, c.body.partition("\n")[2] or c.body) for c in world.hosted.pulls[number].comments]


def speaker(world: GitHubWorld) -> str:
    return "stagewright[bot]" if world.client.is_app else "robot"


def test_open_pulls_tell_what_a_merge_now_would_bring(seen: GitHubWorld):
    first, second = proposed(seen), proposed(seen, "other")
    seen.put("dana", {"x.txt": "1\n"}, branch="dev")
    other_base = proposed(seen, "third")
    seen.call("PATCH", f"/pulls/{other_base}", {"base": "dev"})
    closed = proposed(seen, "fourth")
    seen.call("PATCH", f"/pulls/{closed}", {"state": "closed"})
    head = seen.fetch()

    found = seen.conversation.open_pulls()

    assert [pull.number for pull in found] == [first, second]
    assert found[0].facts == PullFacts(
        id=str(first),
        title="Promote on promote",
        url=f"{seen.github.url}/acme/models/pull/{first}",
        base_branch="main",
        author=seen.account("dana"),
        merged_head=seen.head("promote"),
        first_parent=head,
        commit_actors=((seen.head("promote"), seen.account("dana")),),
    )
    assert found[0].opened == seen.hosted.pulls[first].created


def test_open_pulls_follow_pushes_reviews_and_the_branch_at_once(world: GitHubWorld):
    number = proposed(world)
    world.fetch()
    assert world.conversation.open_pulls()[0].facts.merged_head == world.head("promote")
    head = world.put("noor", {"b.txt": "1\n"}, branch="promote")
    moved = world.put("maintainer", {"c.txt": "1\n"})
    world.fetch()

    found = world.conversation.open_pulls()[0].facts

    assert (found.merged_head, found.first_parent, dict(found.commit_actors)[head]) == (
        head, moved, world.account("noor"),
    )  # fmt: skip
    assert world.forge.reviews(found) == ()
    veto = world.review("ravi", number, "reject")
    assert [(r.id, r.decision) for r in world.forge.reviews(found)] == [(str(veto), "reject")]


def test_open_pulls_that_came_after_the_fetch_are_shown_after_the_next(world: GitHubWorld):
    first = proposed(world)
    world.fetch()
    second = proposed(world, "other")
    before = [pull.number for pull in world.conversation.open_pulls()]
    world.fetch()

    assert (before, [pull.number for pull in world.conversation.open_pulls()]) == ([first], [first, second])


def test_open_pulls_of_many_pages_are_all_there(world: GitHubWorld):
    numbers = [world.open_here(f"branch-{at}") for at in range(103)]
    world.fetch()

    assert [pull.number for pull in world.conversation.open_pulls()] == numbers


def test_open_pulls_of_an_archived_repository_say_so(world: GitHubWorld):
    world.fetch()
    world.hosted.archived = True

    with pytest.raises(ForbiddenError, match="acme/models is archived"):
        world.conversation.open_pulls()


def test_say_keeps_one_comment(seen: GitHubWorld):
    number = proposed(seen)
    seen.call("POST", f"/issues/{number}/comments", {"body": "Looks good."}, by="noor")

    seen.conversation.say(number, "One.")
    seen.conversation.say(number, "Two.")
    seen.writes()
    seen.conversation.say(number, "Two.")

    assert seen.writes() == []
    assert comments(seen, number) == [("noor", "Looks good."), (speaker(seen), "Two.")]


def test_say_leaves_a_comment_that_only_looks_like_its_own(seen: GitHubWorld):
    number = proposed(seen)
    seen.conversation.say(number, "True.")
    marked = seen.hosted.pulls[number].comments[0].body.replace("True", "False")
    seen.hosted.pulls[number].comments.clear()
    seen.call("POST", f"/issues/{number}/comments", {"body": marked}, by="dana")

    seen.conversation.say(number, "True.")

    assert comments(seen, number) == [("dana", "False."), (speaker(seen), "True.")]


def test_say_finds_its_comment_behind_many_others(world: GitHubWorld):
    number = proposed(world)
    pull = world.hosted.pulls[number]
    world.conversation.say(number, "One.")
    own = pull.comments[0]
    for at in range(150):
        world.call("POST", f"/issues/{number}/comments", {"body": f"talk {at}"}, by="noor")
    pull.comments = [*pull.comments[1:], own]

    world.conversation.say(number, "Two.")

    assert [text for _, text in comments(world, number) if not text.startswith("talk")] == ["Two."]


def test_say_after_a_crash_says_it_once(seen: GitHubWorld, github: GitHubDouble):
    number = proposed(seen)
    github.faults.add(Fault(kind="reset", path="/comments", method="POST", forward=True))
    with pytest.raises(UnreachableError):
        seen.conversation.say(number, "One.")

    seen.conversation.say(number, "One.")

    assert comments(seen, number) == [(speaker(seen), "One.")]


def test_say_of_two_replicas_at_once_leaves_one(seen: GitHubWorld):
    number = proposed(seen)
    seen.conversation.say(number, "One.")
    first = seen.hosted.pulls[number].comments[0]
    seen.hosted.pulls[number].comments.append(replace(first, id=first.id + 100_000))

    seen.conversation.say(number, "One.")

    assert [c.id for c in seen.hosted.pulls[number].comments] == [first.id]


def test_say_of_too_much_is_refused(world: GitHubWorld):
    number = proposed(world)

    with pytest.raises(InvalidError, match="more than 65536"):
        world.conversation.say(number, "x" * 70_000)

    assert comments(world, number) == []


def test_mark_with_a_token_is_a_status(world: GitHubWorld):
    proposed(world)
    head = world.head("promote")
    pending = StatusMark(commit=head, state="pending", summary="waits for noor", url="https://bank.example/1")

    for mark in (pending, pending, replace(pending, state="success", summary="approved")):
        world.conversation.mark(mark)

    assert [(s.context, s.state, s.description, s.target_url, s.creator.login) for s in world.hosted.statuses] == [
        ("stagewright", "pending", "waits for noor", "https://bank.example/1", "robot"),
        ("stagewright", "success", "approved", "https://bank.example/1", "robot"),
    ]


def test_mark_over_a_status_of_somebody_else(world: GitHubWorld):
    proposed(world)
    head = world.head("promote")
    world.call("POST", f"/statuses/{head}", {"context": "stagewright", "state": "success"}, by="dana")

    world.conversation.mark(StatusMark(commit=head, state="success", summary="", url=None))

    assert [s.creator.login for s in world.hosted.statuses] == ["dana", "robot"]


def test_mark_by_an_app_is_a_check_run(app_world: GitHubWorld):
    proposed(app_world)
    head = app_world.head("promote")
    pending = StatusMark(commit=head, state="pending", summary="waits for noor")
    failure = replace(pending, state="failure", summary="refused", url="https://bank.example/1")

    def runs() -> list[tuple[str, str | None, str]]:
        return [(run.status, run.conclusion, run.output["title"]) for run in app_world.hosted.checks]

    told = []
    for mark in (pending, pending, failure, failure, replace(failure, state="success", summary="approved"), pending):
        app_world.conversation.mark(mark)
        told.append(runs())

    assert told == [
        [("in_progress", None, "waits for noor")],
        [("in_progress", None, "waits for noor")],
        [("completed", "failure", "refused")],
        [("completed", "failure", "refused")],
        [("completed", "success", "approved")],
        [("completed", "success", "approved"), ("in_progress", None, "waits for noor")],
    ]


def test_ask_requests_whom_nobody_asked(seen: GitHubWorld):
    number = proposed(seen)
    seen.team("model-risk", "noor")
    seen.hosted.teams[seen.github.world.find_team("acme", "model-risk").id] = "push"  # type: ignore[union-attr] # made above
    seen.writes()

    for _ in range(2):
        seen.conversation.ask(number, ("@ravi", "dana"), ("@acme/model-risk", "@elsewhere/team"))

    pull = seen.hosted.pulls[number]
    assert ([a.login for a in pull.asked], [t.slug for t in pull.asked_teams]) == (["ravi"], ["model-risk"])
    assert len(seen.writes()) == 1


def test_ask_leaves_out_who_cannot_be_asked_and_who_has_answered(world: GitHubWorld):
    number = proposed(world)
    world.github.world.account("stranger")
    world.review("noor", number, "comment")

    world.conversation.ask(number, ("@stranger", "@noor", "@ravi"), ())

    assert [account.login for account in world.hosted.pulls[number].asked] == ["ravi"]


@pytest.mark.parametrize("broken", ["/deployments$", "/deployments/.*/statuses$"])
@pytest.mark.parametrize("forward", [False, True], ids=["lost", "reply lost"])
def test_deployed_is_shown_once_whatever_breaks(seen: GitHubWorld, github: GitHubDouble, broken: str, *, forward: bool):
    _, _, merge = seen.merged()
    deployed = Deployed(
        commit=merge, environment="Production", description="credit-risk 9", promotion="7" * 64, entry=117
    )
    github.faults.add(Fault(kind="reset", path=broken, method="POST", forward=forward))
    with pytest.raises(UnreachableError):
        seen.conversation.deployed(deployed)

    for _ in range(2):
        seen.conversation.deployed(deployed)
    seen.conversation.deployed(replace(deployed, promotion="8" * 64))

    assert [(d.sha, d.environment, d.payload, [s.state for s in d.statuses]) for d in seen.hosted.deployments] == [
        (merge, "Production", {"promotion": promotion * 64, "entry": 117}, ["success"]) for promotion in "78"
    ]
