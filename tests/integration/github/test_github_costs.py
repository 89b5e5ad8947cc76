"""What watching GitHub costs of its rate limits, counted where the requests arrive."""

from datetime import timedelta

import pytest

from stagewright.adapters.github.forge import GitHubForge
from tests.doubles.github.double import GitHubDouble
from tests.github_world import GitHubWorld


def judged(world: GitHubWorld, merge: str) -> None:
    """What the walk asks about one merge."""
    pull = world.forge.pull(merge, world.source.commit(merge).parents[0])
    assert pull is not None
    world.forge.reviews(pull)


def surroundings(world: GitHubWorld) -> None:
    """What every judgement asks besides: teams and writers."""
    world.forge.members("@acme/model-risk")
    world.forge.writers()


@pytest.mark.parametrize("commits", [1, 3])
@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_one_merge_costs_at_most_four_reads(world: GitHubWorld, method: str, commits: int):
    world.team("model-risk", "noor")
    surroundings(world)
    number, _, merge = world.merged(method=method, commits=commits)
    world.review("noor", number, "approve")
    world.fetch()
    world.spent()

    judged(world, merge)
    surroundings(world)

    assert 1 <= world.spent() <= 4


def test_idle_costs_nothing(world: GitHubWorld):
    """A promotion waits, ten pull requests are open, and nothing happens."""
    world.team("model-risk", "noor")
    number, _, merge = world.merged()
    world.review("noor", number, "comment")
    for at in range(10):
        world.put("dana", {f"{at}.txt": "1\n"}, branch=f"open-{at}")
        world.open(f"open-{at}")
    world.github.world.clock.advance(seconds=5)
    world.fetch()

    def poll() -> int:
        judged(world, merge)
        surroundings(world)
        for pull in world.conversation.open_pulls():
            world.forge.reviews(pull.facts)
        return world.spent()

    world.spent()
    first = poll()

    assert first > 0
    assert [poll() for _ in range(3)] == [0, 0, 0]


def test_hundred_merges_at_once_are_asked_about_together(world: GitHubWorld, github: GitHubDouble):
    git = github.world.git
    for at in range(100):
        pull = world.hosted.pulls[world.open_here(f"branch-{at}")]
        github.forge.merge(world.hosted, pull, world.person("maintainer").account, method="merge")
    head = world.fetch()
    chain = git.first_parents(world.hosted.id, world.first, head)
    world.spent()
    queries = 0

    for merge in chain:
        judged(world, merge)
    queries = len([one for one in github.seen if one.template == "/graphql"])

    assert (len(chain), queries) == (100, 10)
    assert world.spent() <= 10 + 2 * 100


def test_many_open_pull_requests_are_asked_about_together(world: GitHubWorld, github: GitHubDouble):
    numbers = [world.open_here(f"branch-{at}") for at in range(35)]
    github.world.clock.advance(seconds=5)
    world.fetch()
    world.spent()

    found = world.conversation.open_pulls()

    queries = [one for one in github.seen if one.template == "/graphql"]
    assert [pull.number for pull in found] == numbers
    assert len(queries) == 4
    assert world.spent() <= 4 + 35 + 2
    world.conversation.open_pulls()
    assert world.spent() == 0
    github.world.clock.advance(seconds=5)
    world.review("noor", numbers[7], "approve")
    github.world.clock.advance(seconds=5)
    world.spent()
    world.conversation.open_pulls()
    assert world.spent() == 2


def test_restart_costs_what_the_beginning_did(world: GitHubWorld):
    _, _, merge = world.merged()
    world.fetch()
    world.spent()
    judged(world, merge)
    before = world.spent()

    world.client = world.connect()
    world.forge = GitHubForge(world.client, world.source, grace=timedelta(0))
    judged(world, merge)

    assert world.spent() == before
