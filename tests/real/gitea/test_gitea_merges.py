"""Which pull request brought what, for every way in which something gets onto a branch of a real Gitea."""

from datetime import timedelta

import pytest

from stagewright.adapters.git.source import GitSource
from stagewright.errors import IncompleteError
from stagewright.model.review import Account
from stagewright.model.source import PullFacts
from tests.gitea.world import GiteaWorld

AT_ONCE = timedelta(0)


def proposed(world: GiteaWorld, branch: str = "promote") -> tuple[int, str, str]:
    """A pull request with a commit that dana pushed and one that ravi did; its number and the two commits."""
    first = world.commit("dana", {"a": "1\n"}, branch=branch)
    second = world.commit("ravi", {"b": "2\n"}, branch=branch)
    return world.open(branch), first, second


def told(world: GiteaWorld, commit: str, *, source: GitSource | None = None) -> PullFacts | None:
    """What the forge says of a commit of main, once its feed has caught up."""
    mirror = source or world.source()
    world.settle_feed(mirror.fetch())
    return world.forge(mirror, grace=AT_ONCE).pull(commit, mirror.commit(commit).parents[0])


def chain(world: GiteaWorld, after: str) -> tuple[str, ...]:
    """The first-parent chain of main after a commit, oldest first."""
    return tuple(world.git_origin("rev-list", "--first-parent", "--reverse", f"{after}..refs/heads/main").split())


@pytest.mark.parametrize(
    ("style", "commits"),
    [("merge", 1), ("rebase", 2), ("rebase-merge", 1), ("squash", 1), ("fast-forward-only", 2)],
)
def test_pull_of_each_merge_style_tells_the_whole_step(world: GiteaWorld, style: str, commits: int):
    number, first, second = proposed(world)
    if style != "fast-forward-only":
        world.push_main("noor", {"other": "1\n"})
    before = world.head()
    world.merge_pull(number, style=style)
    brought = chain(world, before)
    source = world.source()

    facts = [told(world, commit, source=source) for commit in brought]

    dana, ravi = world.account("dana"), world.account("ravi")
    assert len(brought) == commits
    assert (
        facts
        == [
            PullFacts(
                id=str(number),
                title="Promote on promote",
                url=f"{world.server.url}/{world.repository}/pulls/{number}",
                base_branch="main",
                author=dana,
                merged_head=second,
                first_parent=before,
                brought=() if style in {"merge", "rebase-merge"} else brought,
                commit_actors=tuple(sorted({first: dana, second: ravi}.items())),
                merged_at=facts[0] and facts[0].merged_at,
            )
        ]
        * commits
    )


def test_pull_whose_branch_was_pushed_to_after_the_merge_keeps_its_head(world: GiteaWorld):
    number, _, second = proposed(world)
    merge = world.merge_pull(number)
    later = world.commit("ravi", {"c": "3\n"}, branch="promote")

    facts = told(world, merge)

    assert facts is not None
    assert facts.merged_head == second
    assert world.call("GET", f"/pulls/{number}")["head"]["sha"] == later


def test_pull_whose_branch_was_deleted_is_told_as_before(world: GiteaWorld):
    number, first, second = proposed(world)
    merge = world.merge_pull(number, delete_branch_after_merge=True)

    facts = told(world, merge)

    assert facts is not None
    assert (facts.merged_head, dict(facts.commit_actors)) == (
        second, {first: world.account("dana"), second: world.account("ravi")},
    )  # fmt: skip
    assert world.branches() == ("main",)


def test_push_straight_to_the_branch_is_told_only_when_it_is_old_enough(world: GiteaWorld):
    pushed = world.push_main("dana", {"a": "1\n"})
    source = world.source()
    source.fetch()
    world.settle_feed(pushed)

    with pytest.raises(IncompleteError, match="without a pull request"):
        world.forge(source).pull(pushed, world.first)
    assert world.forge(source, grace=AT_ONCE).pull(pushed, world.first) is None


def test_merge_by_an_administrator_past_the_protection_shows_no_review(world: GiteaWorld):
    world.call("POST", "/branch_protections", {"rule_name": "main", "required_approvals": 2, "enable_push": False})
    number, _, _ = proposed(world)
    merge = world.merge_pull(number, force_merge=True)
    source = world.source()

    facts = told(world, merge, source=source)

    assert facts is not None
    assert facts.author == world.account("dana")
    assert world.forge(source).reviews(facts) == ()


def test_pull_whose_branch_was_updated_by_a_reviewer_keeps_its_pushers(world: GiteaWorld):
    number, first, second = proposed(world)
    world.push_main("noor", {"other": "1\n"})
    world.settle(number)
    world.call("POST", f"/pulls/{number}/update?style=merge", by="noor")
    update = world.head("promote")
    world.settle_feed(update, branch="promote")
    merge = world.merge_pull(number)

    facts = told(world, merge)

    assert facts is not None
    assert dict(facts.commit_actors) == {
        first: world.account("dana"), second: world.account("ravi"), update: world.account("noor"),
    }  # fmt: skip


def test_pull_of_a_forced_push_names_who_forced_it(world: GiteaWorld):
    number, _, _ = proposed(world)
    made = world.commit("noor", {"a": "9\n"}, branch="elsewhere")
    world.git("noor", "push", "-q", "--force", "origin", f"{made}:refs/heads/promote")
    world.settle_feed(made, branch="promote")
    merge = world.merge_pull(number)

    facts = told(world, merge)

    assert facts is not None
    assert (facts.merged_head, facts.commit_actors) == (made, ((made, world.account("noor")),))


def test_commit_that_lay_on_a_branch_before_belongs_to_who_pushed_it_there(world: GiteaWorld):
    made = world.commit("ravi", {"a": "1\n"}, branch="draft")
    world.settle_feed(made, branch="draft")
    world.git("dana", "fetch", "-q", world.server.remote(world.repository, world.server.user("dana")))
    world.clone("dana")
    world.git("dana", "fetch", "-q", "origin")
    world.git("dana", "push", "-q", "origin", f"{made}:refs/heads/promote")
    merge = world.merge_pull(world.open("promote"))

    facts = told(world, merge)

    assert facts is not None
    assert (facts.author, facts.commit_actors) == (world.account("dana"), ((made, world.account("ravi")),))


def test_pull_from_a_fork_is_known_with_its_pushers(world: GiteaWorld):
    outsider = world.server.user("olga")
    world.team("readers", "olga")
    world.call("POST", "/forks", {}, by="olga")
    fork = f"{outsider.login}/models"
    world.server.call("PUT", f"/repos/{fork}/collaborators/{world.server.user('robot').login}", {"permission": "read"})
    made = world.commit("dana", {"a": "1\n"}, branch="only-here")
    world.clone("olga")
    world.git("olga", "fetch", "-q", "origin")
    world.git("olga", "push", "-q", world.server.remote(fork, outsider), f"{made}:refs/heads/promote")
    number = world.open("olga:promote", by="olga")
    merge = world.merge_pull(number)

    facts = told(world, merge)

    assert facts is not None
    assert (facts.author, facts.merged_head) == (world.account("olga"), made)
    assert facts.commit_actors == ((made, world.account("olga")),)


def test_fork_that_nobody_shows_leaves_its_pushers_unknown(world: GiteaWorld):
    outsider = world.server.user("oleg")
    world.team("readers", "oleg")
    world.call("POST", "/forks", {}, by="oleg")
    made = world.commit("dana", {"a": "1\n"}, branch="only-here")
    world.clone("oleg")
    world.git("oleg", "fetch", "-q", "origin")
    world.git("oleg", "push", "-q", world.server.remote("oleg/models", outsider), f"{made}:refs/heads/promote")
    merge = world.merge_pull(world.open("oleg:promote", by="oleg"))

    facts = told(world, merge)

    assert facts is not None
    assert (facts.merged_head, facts.commit_actors) == (made, ())


@pytest.mark.parametrize("style", ["squash", "merge"])
def test_hidden_activity_of_the_merger_stops_the_walk_where_the_step_is_not_certain(world: GiteaWorld, style: str):
    shy = world.server.unique("shy")
    world.team("shy-keepers", shy, permission="admin")
    world.server.call("PATCH", "/user/settings", {"hide_activity": True}, by=world.server.user(shy))
    number, _, _ = proposed(world)
    before = world.head()
    merge = world.merge_pull(number, by=shy, style=style)
    source = world.source()
    source.fetch()
    forge = world.forge(source, grace=AT_ONCE)

    if style == "squash":
        with pytest.raises(IncompleteError, match="does not show the push"):
            forge.pull(merge, before)
    else:
        facts = forge.pull(merge, before)
        assert facts is not None
        assert facts.id == str(number)


def test_hidden_activity_of_a_pusher_is_never_laid_to_who_pushed_next(world: GiteaWorld):
    shy = world.server.unique("shy")
    world.team("shy-writers", shy, permission="write")
    world.server.call("PATCH", "/user/settings", {"hide_activity": True}, by=world.server.user(shy))
    first = world.commit("dana", {"a": "1\n"}, branch="promote")
    slipped = world.commit(shy, {"a": "2\n"}, branch="promote")
    last = world.commit("dana", {"b": "1\n"}, branch="promote")
    merge = world.merge_pull(world.open("promote"))

    facts = told(world, merge)
    seen_by_all = world.forge(source := world.source("all"), client=world.client(token=world.server.admin.token))
    source.fetch()
    known = seen_by_all.pull(merge, world.first)

    assert facts is not None
    assert known is not None
    assert dict(facts.commit_actors) == {first: world.account("dana"), last: world.account("dana")}
    assert dict(known.commit_actors)[slipped] == world.account(shy)


def test_hidden_push_to_the_branch_is_certain_once_the_next_one_is_known(world: GiteaWorld):
    shy = world.server.unique("shy")
    world.team("shy-writers", shy, permission="write")
    world.server.call("PATCH", "/user/settings", {"hide_activity": True}, by=world.server.user(shy))
    pushed = world.push_main(shy, {"a": "1\n"})
    source = world.source()
    source.fetch()
    with pytest.raises(IncompleteError, match="does not show the push"):
        world.forge(source, grace=AT_ONCE).pull(pushed, world.first)

    world.push_main("dana", {"b": "1\n"})

    assert told(world, pushed, source=source) is None


def test_commit_declared_the_merge_of_a_pull_request_stands_for_itself_alone(world: GiteaWorld):
    number, _, second = proposed(world)
    world.settle(number)
    slipped = world.commit("noor", {"c": "1\n"}, branch="sly")
    declared = world.commit("noor", {"d": "1\n"}, branch="sly")
    last = world.commit("noor", {"e": "1\n"}, branch="sly")
    world.git("noor", "push", "-q", "origin", f"{last}:refs/heads/main")
    world.settle_feed(last)
    world.call("POST", f"/pulls/{number}/merge", {"Do": "manually-merged", "MergeCommitID": declared}, by="maintainer")
    source = world.source()

    found = [told(world, commit, source=source) for commit in (slipped, declared, last)]

    assert [facts and (facts.id, facts.brought, facts.merged_head) for facts in found] == [
        None, (str(number), (declared,), second), None,
    ]  # fmt: skip


def test_one_push_of_two_pull_requests_on_top_of_each_other_gives_each_its_own(world: GiteaWorld):
    lower, _, head = proposed(world, "lower")
    world.git("dana", "fetch", "-q", "origin")
    world.git("dana", "push", "-q", "origin", f"{head}:refs/heads/upper")
    tops = [world.commit("dana", {name: "1\n"}, branch="upper") for name in ("c", "d")]
    upper = world.open("upper")
    world.patch("", {"allow_manual_merge": True, "autodetect_manual_merge": True})
    for number in (lower, upper):
        world.settle(number)
    world.git("dana", "push", "-q", "origin", f"{tops[-1]}:refs/heads/main")
    world.settle_feed(tops[-1])
    world.settle_merged(lower, upper)
    commits = chain(world, world.first)
    source = world.source()

    found = [told(world, commit, source=source) for commit in commits]

    assert [facts and (facts.id, facts.merged_head, facts.first_parent, facts.brought) for facts in found] == [
        *[(str(lower), head, world.first, tuple(commits[:2]))] * 2,
        *[(str(upper), tops[-1], head, tuple(tops))] * 2,
    ]


def test_pull_against_another_branch_says_so(world: GiteaWorld):
    world.commit("dana", {"x": "1\n"}, branch="release")
    made = world.commit("dana", {"a": "1\n"}, branch="promote")
    number = world.open("promote", base="release")
    merge = world.merge_pull(number)
    world.git("noor" if world.clone("noor") else "", "fetch", "-q", "origin")
    world.git("noor", "push", "-q", "origin", f"{merge}:refs/heads/main")
    source = world.source()

    facts = told(world, merge, source=source)

    assert facts is not None
    assert (facts.base_branch, facts.merged_head) == ("release", made)


def test_user_who_was_renamed_is_the_same_account(world: GiteaWorld):
    old = world.server.unique("vera")
    world.team("vera-writers", old, permission="write")
    world.commit(old, {"a": "1\n"}, branch="promote")
    number = world.open("promote", by=old)
    merge = world.merge_pull(number)
    new = world.server.unique("vanessa")
    world.server.call("POST", f"/admin/users/{old}/rename", {"new_username": new})

    facts = told(world, merge)

    assert facts is not None
    assert facts.author == Account(id=world.account(old).id, login=new)
