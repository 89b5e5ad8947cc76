"""Who pushed, who is in a team, who may write: by numeric ids, and nobody where it is not certain."""

from datetime import timedelta

import pytest

from stagewright.adapters.github.forge import GitHubForge
from stagewright.errors import ForbiddenError, StalledError
from stagewright.model.review import Account
from stagewright.model.source import PullFacts
from tests.doubles.github.accounts import Account as Member
from tests.doubles.github.double import GitHubDouble
from tests.doubles.github.faults import Fault
from tests.doubles.github.gitstore import Signed
from tests.github_world import GitHubWorld


def told(world: GitHubWorld, commit: str) -> PullFacts:
    world.fetch()
    pull = world.forge.pull(commit, world.source.commit(commit).parents[0])
    assert pull is not None
    return pull


def test_pushers_are_told_apart(world: GitHubWorld):
    one = world.put("dana", {"a.txt": "1\n"}, branch="promote")
    number = world.open("promote")
    two = world.put("noor", {"b.txt": "1\n"}, branch="promote")
    merge = world.merge_pull(number)

    assert dict(told(world, merge).commit_actors) == {one: world.account("dana"), two: world.account("noor")}


def test_pusher_is_told_and_not_the_name_in_the_commit(world: GitHubWorld):
    git, at = world.github.world.git, world.github.world.clock.now()
    dana = ("dana", "dana@example.com")
    made = git.commit(world.hosted.id, world.first, {"a.txt": b"1\n"}, "Forged", by=Signed(dana, dana, at))
    world.push("noor", "promote", made)
    merge = world.merge_pull(world.open("promote"))

    pull = told(world, merge)

    assert (pull.author, pull.commit_actors) == (world.account("dana"), ((made, world.account("noor")),))


def test_update_branch_is_the_merge_of_who_pressed_it(world: GitHubWorld):
    own = world.put("dana", {"a.txt": "1\n"}, branch="promote")
    number = world.open("promote")
    world.put("maintainer", {"other.txt": "1\n"})
    world.call("PUT", f"/pulls/{number}/update-branch", {}, by="noor")
    update = world.head("promote")
    merge = world.merge_pull(number)

    assert dict(told(world, merge).commit_actors) == {own: world.account("dana"), update: world.account("noor")}


def test_commits_after_a_forced_push_are_whose_they_are(world: GitHubWorld):
    kept = world.put("dana", {"a.txt": "1\n"}, branch="promote")
    world.put("dana", {"b.txt": "1\n"}, branch="promote")
    number = world.open("promote")
    world.push("noor", "promote", kept)
    last = world.put("noor", {"c.txt": "1\n"}, branch="promote")
    merge = world.merge_pull(number)

    assert dict(told(world, merge).commit_actors) == {kept: world.account("dana"), last: world.account("noor")}


def test_commits_below_a_push_that_cannot_be_read_are_nobodys(world: GitHubWorld):
    """Who pushed first, the one whose push is gone or the one after: nobody can tell."""
    world.put("dana", {"a.txt": "1\n"}, branch="promote")
    number = world.open("promote")
    world.put("noor", {"c.txt": "1\n"}, branch="promote")
    merge = world.merge_pull(number)
    entries = [entry for entry in world.hosted.activity if entry.ref == "refs/heads/promote"]
    entries[0].after = entries[1].before = "6" * 40

    assert told(world, merge).commit_actors == ()


def test_commits_before_a_gap_in_the_activity_are_nobodys(world: GitHubWorld):
    world.put("dana", {"a.txt": "1\n"}, branch="promote")
    number = world.open("promote")
    last = world.put("noor", {"c.txt": "1\n"}, branch="promote")
    merge = world.merge_pull(number)
    world.hosted.activity = [
        entry for entry in world.hosted.activity if (entry.ref, entry.kind) != ("refs/heads/promote", "branch_creation")
    ]

    assert dict(told(world, merge).commit_actors) == {last: world.account("noor")}


def test_commits_of_a_branch_made_after_the_pull_request_are_nobodys(world: GitHubWorld):
    """As when a branch was renamed: its activity begins with whoever renamed it."""
    world.put("dana", {"a.txt": "1\n"}, branch="promote")
    number = world.open("promote")
    entry = next(entry for entry in world.hosted.activity if entry.ref == "refs/heads/promote")
    entry.at += timedelta(minutes=5)
    merge = world.merge_pull(number)

    assert told(world, merge).commit_actors == ()


def test_pushers_that_were_not_told_are_asked_for_again(world: GitHubWorld, github: GitHubDouble):
    number, head, merge = world.merged()
    github.faults.add(Fault(kind="empty", path="/activity"))
    first = told(world, merge)

    assert (first.id, first.commit_actors) == (str(number), ())
    assert told(world, merge).commit_actors == ((head, world.account("dana")),)


def forked(world: GitHubWorld, name: str) -> tuple[int, str]:
    """A pull request of somebody's from a fork: its number and head."""
    person = world.person(name)
    fork = world.github.world.fork(world.hosted, person.account)
    head = person.push(fork.full_name, "mine", {"a.txt": b"1\n"})
    return person.open(world.hosted.full_name, f"{name}:mine"), head


def test_pushers_to_a_fork_are_told_by_the_fork(world: GitHubWorld):
    world.hosted.private = False
    number, head = forked(world, "ravi")
    merge = world.merge_pull(number)

    pull = told(world, merge)

    assert (pull.merged_head, pull.commit_actors) == (head, ((head, world.account("ravi")),))


@pytest.mark.parametrize("how", ["private", "gone"])
def test_pushers_to_a_fork_that_is_not_shown_are_nobody(world: GitHubWorld, how: str):
    world.hosted.private = False
    number, head = forked(world, "ravi")
    merge = world.merge_pull(number)
    fork = world.hosted.pulls[number].head_repo
    assert fork is not None
    fork.private, fork.gone = how == "private", how == "gone"

    pull = told(world, merge)

    assert (pull.merged_head, pull.author, pull.commit_actors) == (head, world.account("ravi"), ())


def test_renamed_people_keep_their_ids(world: GitHubWorld):
    number, head, merge = world.merged()
    before = world.account("dana")
    world.github.world.rename(world.person("dana").account, "dana-new")

    pull = told(world, merge)

    renamed = Account(id=before.id, login="dana-new")
    assert (pull.id, pull.author, pull.commit_actors) == (str(number), renamed, ((head, renamed),))


def test_deleted_people_are_nobody(world: GitHubWorld):
    number, _, merge = world.merged()
    world.review("noor", number, "approve")
    world.github.world.delete(world.person("dana").account)
    world.github.world.delete(world.person("noor").account)

    pull = told(world, merge)

    assert (pull.author, pull.commit_actors) == (None, ())
    assert [review.author for review in world.forge.reviews(pull)] == [None]


def test_bots_are_known_as_bots(world: GitHubWorld):
    world.put("dana", {"a.txt": "1\n"}, branch="promote")
    bot = world.github.world.account("helper[bot]", kind="Bot")
    pull = world.github.forge.open(
        world.hosted, bot, base="main", head_repo=world.hosted, head_ref="promote", title="x", body=None, draft=False
    )  # fmt: skip
    merge = world.merge_pull(pull.number)

    assert told(world, merge).author == Account(id=str(bot.id), login="helper[bot]", bot=True)


def test_members_of_a_team_with_child_teams(world: GitHubWorld):
    risk = world.team("model-risk", "noor")
    world.team("juniors", "ravi", "dana", parent=risk)

    found = world.forge.members("@acme/model-risk")

    assert found == tuple(sorted((world.account(name).id for name in ("dana", "noor", "ravi")), key=int))


def test_members_of_a_large_team_are_read_to_the_end(world: GitHubWorld):
    people = [world.github.world.account(f"member-{at}") for at in range(130)]
    world.github.world.team(world.organization, "everybody", *people)

    assert world.forge.members("@acme/everybody") == tuple(str(account.id) for account in people)


def test_members_are_nobodys_guess_where_teams_are_not_shown(app_world: GitHubWorld):
    app_world.team("model-risk", "noor")
    app_world.installation.permissions.pop("members")
    app_world.client._credentials.renewed()

    with pytest.raises(ForbiddenError, match="Resource not accessible by integration"):
        app_world.forge.members("@acme/model-risk")


def test_members_of_another_organization_are_not_nobody(world: GitHubWorld):
    with pytest.raises(ForbiddenError, match="shows no teams of 'elsewhere'"):
        world.forge.members("@elsewhere/team")


def test_writers_are_those_who_may_push_by_any_way(world: GitHubWorld):
    reader = world.person("lee").account
    world.hosted.collaborators[reader.id] = "triage"
    team = world.team("keepers", "kim")
    world.hosted.teams[team.id] = "push"

    found = {account.login for account in world.forge.writers()}

    assert found == {"dana", "noor", "ravi", "robot", "maintainer", "kim"}


def test_writers_are_read_to_the_end(world: GitHubWorld):
    added: list[Member] = [world.github.world.account(f"writer-{at}") for at in range(120)]
    world.hosted.collaborators |= {account.id: "push" for account in added}

    assert len(world.forge.writers()) == len(added) + 5


def test_repository_that_took_the_name_of_another_is_noticed(world: GitHubWorld):
    _, _, merge = world.merged()
    told(world, merge)
    world.github.world.transfer(world.hosted, world.organization, "elsewhere")
    world.github.world.repository(world.organization, "models", private=False)
    world.forge._settled.clear()
    world.forge._ahead.clear()

    with pytest.raises(StalledError, match="is another repository than it was"):
        world.forge.pull(merge, world.first)


def test_forge_that_is_asked_first_after_a_restart_tells_the_same(world: GitHubWorld):
    _, _, merge = world.merged(method="rebase", commits=2)
    before = told(world, merge)

    fresh = GitHubForge(world.client, world.source, grace=timedelta(0))

    assert fresh.pull(merge, world.source.commit(merge).parents[0]) == before
