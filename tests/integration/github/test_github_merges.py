"""What brought a commit onto the branch, by each way in which GitHub merges, and by hand."""

from datetime import timedelta

import pytest

from stagewright.adapters.github.forge import GitHubForge
from stagewright.errors import IncompleteError, StalledError
from stagewright.model.source import PullFacts
from tests.doubles.github.double import GitHubDouble
from tests.doubles.github.faults import Fault
from tests.github_world import GitHubWorld


def told(world: GitHubWorld, commit: str) -> PullFacts | None:
    world.fetch()
    return world.forge.pull(commit, world.source.commit(commit).parents[0])


def chain(world: GitHubWorld) -> list[str]:
    """The branch's commits after the first, oldest first."""
    return world.git_origin("rev-list", "--first-parent", "--reverse", f"{world.first}..main").split()


@pytest.mark.parametrize(
    ("method", "commits", "brought"),
    [
        ("merge", 1, 1), ("merge", 3, 1), ("squash", 1, 1), ("squash", 3, 1), ("rebase", 1, 1), ("rebase", 3, 3),
    ],
)  # fmt: skip
def test_pull_of_each_merge_method_tells_what_it_brought(world: GitHubWorld, method: str, commits: int, brought: int):
    before = world.put("maintainer", {"other.txt": "moved on\n"})
    number, head, merge = world.merged(method=method, commits=commits)

    pull = told(world, merge)

    assert pull is not None
    assert (pull.id, pull.base_branch, pull.author, pull.merged_head, pull.first_parent) == (
        str(number), "main", world.account("dana"), head, before,
    )  # fmt: skip
    assert pull.brought == tuple(chain(world)[1:])
    assert len(pull.brought) == brought
    assert {actor for _, actor in pull.commit_actors} == {world.account("dana")}
    assert len(pull.commit_actors) == commits


def test_pull_of_any_commit_of_a_rebase_is_the_same(world: GitHubWorld):
    world.merged(method="rebase", commits=3)
    world.fetch()

    found = [told(world, commit) for commit in chain(world)]

    assert found[0] is not None
    assert found == [found[0]] * 3


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_pulls_of_a_queue_each_have_their_own_part(world: GitHubWorld, method: str):
    world.hosted.queue_method = method
    numbers = []
    for branch in ("one", "two", "three"):
        for at in range(2):
            world.put("dana", {f"{branch}-{at}.txt": "x\n"}, branch=branch)
        numbers.append(world.open(branch))
        pull = world.hosted.pulls[numbers[-1]]
        world.github.forge.enqueue(world.hosted, pull, world.person("maintainer").account)
    brought = world.github.forge.run_queue(world.hosted)

    found = [told(world, commit) for commit in brought]

    part = 2 if method == "rebase" else 1
    assert [pull and int(pull.id) for pull in found] == [number for number in numbers for _ in range(part)]
    assert [pull.brought for pull in found if pull] == [
        brought[at - at % part : at - at % part + part] for at in range(len(brought))
    ]
    assert [pull.first_parent for pull in found[::part] if pull] == [world.first, *brought[part - 1 : -1 : part]]


def test_merge_by_hand_is_the_pull_requests(world: GitHubWorld):
    head = world.put("dana", {"a.txt": "1\n"}, branch="promote")
    number = world.open("promote")
    merge = world.quick_merge("maintainer", "promote")

    pull = told(world, merge)

    assert pull is not None
    assert (pull.id, pull.merged_head, pull.brought) == (str(number), head, (merge,))


def test_fast_forward_by_hand_is_the_pull_requests(world: GitHubWorld):
    for at in range(2):
        world.put("dana", {f"{at}.txt": "1\n"}, branch="promote")
    number = world.open("promote")
    head = world.head("promote")
    world.push("maintainer", "main", head)

    pull = told(world, head)

    assert pull is not None
    assert (pull.id, pull.merged_head, pull.brought) == (str(number), head, tuple(chain(world)))


def test_one_push_of_two_pull_requests_on_top_of_each_other_gives_each_its_own(world: GitHubWorld):
    numbers, heads = [], []
    for branch, start, files in (("first", "main", "ab"), ("second", "first", "cd"), ("third", "second", "e")):
        for name in files:
            world.put("dana", {f"{name}.txt": "1\n"}, branch=branch, start=start)
        numbers.append(str(world.open(branch)))
        heads.append(world.head(branch))
    world.push("maintainer", "main", heads[-1])
    commits = chain(world)

    found = [told(world, commit) for commit in commits]

    assert [facts and (facts.id, facts.merged_head, facts.first_parent, facts.brought) for facts in found] == [
        *[(numbers[0], heads[0], world.first, tuple(commits[:2]))] * 2,
        *[(numbers[1], heads[1], heads[0], tuple(commits[2:4]))] * 2,
        (numbers[2], heads[2], heads[1], (heads[2],)),
    ]


def test_one_push_of_two_pull_requests_with_a_head_that_was_pushed_over_is_not_certain(world: GitHubWorld):
    """What was the first one's when it was merged cannot be told apart from the second one's."""
    world.put("dana", {"a.txt": "1\n"}, branch="first")
    first = world.open("first")
    world.put("dana", {"b.txt": "1\n"}, branch="second", start="first")
    world.open("second")
    world.push("maintainer", "main", world.head("second"))
    world.hosted.pulls[first].head_sha = world.first

    with pytest.raises(IncompleteError, match="where the one ends and the other begins is not certain"):
        told(world, world.head("main"))


def test_commit_on_top_of_a_merge_by_hand_is_nobodys(world: GitHubWorld):
    world.put("dana", {"a.txt": "1\n"}, branch="promote")
    world.open("promote")
    world.push("maintainer", "scratch", world.first)
    merge = world.quick_merge("maintainer", "promote", into="scratch")
    top = world.put("maintainer", {"b.txt": "1\n"}, branch="scratch")
    world.push("maintainer", "main", top)

    assert told(world, merge) is not None
    assert told(world, top) is None


def test_straight_push_is_none_when_it_has_settled(world: GitHubWorld):
    pushed = world.put("dana", {"a.txt": "1\n"})
    world.fetch()
    patient = GitHubForge(world.client, world.source, grace=timedelta(hours=1))

    with pytest.raises(IncompleteError, match="may not have noticed yet"):
        patient.pull(pushed, world.first)
    assert told(world, pushed) is None


def test_commit_that_was_pushed_before_its_merge_is_nobodys(world: GitHubWorld):
    """An admin brings a part of a pull request straight, and merges the rest."""
    first = world.put("dana", {"a.txt": "1\n"}, branch="promote")
    world.put("dana", {"b.txt": "1\n"}, branch="promote")
    number = world.open("promote")
    world.push("maintainer", "main", first)
    merge = world.merge_pull(number)

    assert told(world, first) is None
    pull = told(world, merge)
    assert pull is not None
    assert (pull.id, pull.brought, pull.first_parent) == (str(number), (merge,), first)


def test_pull_of_another_branch_says_so(world: GitHubWorld):
    world.put("dana", {"x.txt": "1\n"}, branch="dev")
    world.put("dana", {"a.txt": "1\n"}, branch="promote", start="dev")
    number = world.open("promote", base="dev")
    world.merge_pull(number, method="squash")
    world.push("maintainer", "main", world.head("dev"))

    pull = told(world, chain(world)[-1])

    assert pull is not None
    assert (pull.id, pull.base_branch) == (str(number), "dev")


def test_twin_with_the_same_head_is_not_taken_for_what_was_merged(world: GitHubWorld):
    """A second pull request from another branch with the same head: GitHub takes both for merged."""
    head = world.put("dana", {"a.txt": "1\n"}, branch="promote")
    world.push("ravi", "twin", head)
    twin, number = world.open("twin", by="ravi"), world.open("promote")
    merge = world.merge_pull(number)
    first, second = world.hosted.pulls[number], world.hosted.pulls[twin]
    assert first.merged is not None
    second.state, second.merge_commit, second.merged_by = "closed", merge, first.merged_by
    second.merged = second.closed = first.merged + timedelta(seconds=3)
    second.brought, second.commits = (merge,), (head,)

    pull = told(world, merge)

    assert pull is not None
    assert (pull.id, pull.author) == (str(number), world.account("dana"))

    second.merged = first.merged
    world.forge = GitHubForge(world.client, world.source, grace=timedelta(0))
    with pytest.raises(IncompleteError, match=f"pull requests {twin} and {number} at once"):
        told(world, merge)


@pytest.mark.parametrize(("method", "brought"), [("merge", 1), ("squash", 1), ("rebase", 2)])
def test_branch_that_is_not_the_default_one(world: GitHubWorld, method: str, brought: int):
    world.put("maintainer", {"x.txt": "1\n"}, branch="trunk")
    world.hosted.default_branch = "trunk"
    number, head, merge = world.merged(method=method, commits=2)
    world.put("maintainer", {"y.txt": "1\n"})

    pull = told(world, merge)

    assert pull is not None
    assert (pull.id, pull.merged_head) == (str(number), head)
    assert pull.brought == tuple(chain(world)[:brought])
    assert told(world, world.head()) is None


def test_first_parent_that_is_another_stalls(world: GitHubWorld):
    _, head, merge = world.merged()
    world.fetch()

    with pytest.raises(StalledError, match="is not the first parent"):
        world.forge.pull(merge, head)


def test_merge_that_github_has_not_told_of_waits(world: GitHubWorld, github: GitHubDouble):
    number, _, merge = world.merged(method="squash", commits=2)
    github.faults.add(Fault(kind="empty", path="/activity", times=None))

    with pytest.raises(IncompleteError, match="does not tell"):
        told(world, merge)

    github.faults.clear()
    pull = told(world, merge)
    assert pull is not None
    assert (pull.id, pull.brought) == (str(number), (merge,))


def test_commits_of_a_head_that_is_not_mirrored_wait(world: GitHubWorld):
    number, head, merge = world.merged(method="squash", commits=2)
    world.fetch()
    unknown = "5" * 40
    world.hosted.pulls[number].head_sha = unknown

    with pytest.raises(IncompleteError, match=f"head {unknown[:12]} of pull request {number} is not in the mirror"):
        told(world, merge)

    world.hosted.pulls[number].head_sha = head
    assert told(world, merge) is not None


def test_commit_that_github_does_not_know_yet_keeps_no_other_waiting(world: GitHubWorld):
    number, _, merge = world.merged()
    world.fetch()
    before = world.github.world.git.tip(world.hosted.id, "main")
    later = world.put("maintainer", {"later.txt": "1\n"})
    world.fetch()
    # the mirror is ahead of what the API answers from
    world.github.world.git.move(world.hosted.id, "main", before)
    world.github.world.git.git(world.hosted.id, "prune", "--expire=now")

    pull = world.forge.pull(merge, world.first)

    assert pull is not None
    assert pull.id == str(number)
    with pytest.raises(IncompleteError, match=f"does not know commit {later[:12]}"):
        world.forge.pull(later, merge)


def test_commit_that_many_pull_requests_have(world: GitHubWorld):
    """On a branch that is not the default one also open pull requests are named, as many as anybody opens."""
    world.put("maintainer", {"x.txt": "1\n"}, branch="trunk")
    world.hosted.default_branch = "trunk"
    number, _, merge = world.merged(method="rebase", commits=2)
    for at in range(30):
        world.push("ravi", f"copy-{at}", merge)
        world.put("ravi", {f"{at}.txt": "1\n"}, branch=f"copy-{at}")
        world.open(f"copy-{at}", by="ravi", base="trunk")
    world.github.seen.clear()

    pull = told(world, merge)

    assert pull is not None
    assert pull.id == str(number)
    assert len([one for one in world.github.seen if one.template == "/graphql"]) > 2
