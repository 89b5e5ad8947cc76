"""Everything by which git can be told to show another history than the objects hold: none of it is listened to."""

from pathlib import Path

import pytest

from stagewright.adapters.git.source import GitSource
from stagewright.errors import IncompleteError, NotFoundError, StalledError
from tests.git_http import GitHttpServer
from tests.git_world import World, run


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Main with four commits; the third is a merge."""
    made = World(tmp_path_factory.mktemp("history") / "world")
    made.push_main("dana", {"a": "1\n"})
    made.commit("noor", {"b": "1\n"}, branch="p")
    made.merge("p", by="maintainer")
    made.push_main("dana", {"a": "2\n"})
    return made


@pytest.fixture
def world(told: World, tmp_path: Path) -> World:
    return told.copy(tmp_path / "world")


def source(world: World, url: str | None = None, mirror: str = "mirror") -> GitSource:
    return GitSource(url=url or str(world.origin), branch="main", mirror=world.root / mirror)


def everything(git: GitSource, world: World, head: str) -> object:
    """All that is ever asked of a history."""
    return (
        git.first_parents(world.first, head),
        git.commits(reachable_from=head, not_from=world.first),
        git.merge_bases(head, world.first),
        [git.tree(commit) for commit in git.first_parents(world.first, head)],
    )


@pytest.fixture
def truth(world: World) -> object:
    git = source(world, mirror="before")
    return everything(git, world, git.fetch())


def in_repository(world: World, where: str) -> Path:
    if where == "origin":
        return world.origin
    source(world).fetch()
    return world.root / "mirror"


def test_the_truth_is_as_git_tells_it(world: World, truth: object):
    head = world.head()
    listed = world.git_origin("rev-list", "--first-parent", "--reverse", f"{world.first}..{head}").split()

    assert (isinstance(truth, tuple), len(listed)) == (True, 3)
    assert truth[0] == tuple(listed)  # type: ignore[index] -- narrowed by the line above


@pytest.mark.parametrize("where", ["origin", "mirror"])
def test_replace_refs_change_nothing(world: World, truth: object, where: str):
    """The head is replaced by a commit with another tree and no parents."""
    place = in_repository(world, where)
    head = world.head()
    forged = world.plant([], {"a": "forged\n"}, branch="forged")
    run("git", "fetch", "-q", str(world.origin), "refs/heads/forged", cwd=place, env=world.env)
    run("git", "replace", head, forged, cwd=place, env=world.env)
    shown = run("git", "--git-dir", str(place), "cat-file", "-p", head, cwd=place, env=world.env)
    assert b"parent" not in shown, "git itself must be taken in, or this test shows nothing"

    git = source(world)

    assert git.fetch() == head
    assert everything(git, world, head) == truth


def test_grafts_in_the_mirror_change_nothing(world: World, truth: object):
    place = in_repository(world, "mirror")
    head = world.head()
    (place / "info").mkdir(exist_ok=True)
    (place / "info" / "grafts").write_text(f"{head}\n")
    listed = run("git", "--git-dir", str(place), "rev-list", head, cwd=place, env=world.env).decode().split()
    assert listed == [head], "git itself must be taken in, or this test shows nothing"

    git = source(world)

    assert git.fetch() == head
    assert everything(git, world, head) == truth


def test_a_shallow_file_in_the_mirror_changes_nothing(world: World, truth: object):
    place = in_repository(world, "mirror")
    head = world.head()
    (place / "shallow").write_text(f"{head}\n")
    listed = run("git", "--git-dir", str(place), "rev-list", head, cwd=place, env=world.env).decode().split()
    assert listed == [head], "git itself must be taken in, or this test shows nothing"

    git = source(world)

    assert git.fetch() == head
    assert everything(git, world, head) == truth


def test_grafts_in_the_mirror_do_not_spoil_the_next_fetch(world: World):
    place = in_repository(world, "mirror")
    (place / "info").mkdir(exist_ok=True)
    (place / "info" / "grafts").write_text(f"{world.head()}\n")
    old = world.head()
    head = world.push_main("dana", {"a": "3\n"})

    git = source(world)

    assert git.fetch() == head
    assert git.first_parents(old, head) == (head,)


def test_grafts_in_the_origin_are_never_taken_for_history(world: World, truth: object):
    """Such an origin sends less than the whole: nothing of it is taken, and what was there stays."""
    git = source(world)
    head = git.fetch()
    new = world.push_main("dana", {"a": "3\n"})
    (world.origin / "info").mkdir(exist_ok=True)
    (world.origin / "info" / "grafts").write_text(f"{head}\n")

    assert git.fetch() == new
    assert everything(git, world, head) == truth
    with pytest.raises(IncompleteError, match="cut off"):
        source(world, mirror="fresh").fetch()


def shallow_clone(world: World) -> Path:
    path = world.root / "shallow.git"
    origin = f"file://{world.origin}"
    run("git", "clone", "-q", "--bare", "--depth", "1", origin, str(path), cwd=world.root, env=world.env)
    return path


@pytest.mark.parametrize("scheme", ["", "file://", "http"])
def test_a_shallow_clone_as_origin_is_incomplete_not_a_short_history(world: World, scheme: str):
    path = shallow_clone(world)
    with GitHttpServer(world.root) as server:
        url = server.url("shallow.git") if scheme == "http" else f"{scheme}{path}"
        git = source(world, url)

        with pytest.raises(IncompleteError) as caught:
            git.fetch()

        assert "shallow" in caught.value.hint
        with pytest.raises(NotFoundError):
            git.last_head()
        with pytest.raises(NotFoundError):
            git.tree(world.head())


@pytest.mark.parametrize("scheme", ["", "http"])
def test_an_origin_that_was_shallow_once_does_no_lasting_harm(world: World, truth: object, scheme: str):
    path = shallow_clone(world)
    head = world.head()
    with GitHttpServer(world.root) as server:
        git = source(world, server.url("shallow.git") if scheme == "http" else str(path))
        with pytest.raises(IncompleteError):
            git.fetch()
        run("git", "fetch", "-q", "--unshallow", f"file://{world.origin}", cwd=path, env=world.env)

        assert git.fetch() == head

    assert everything(git, world, head) == truth


def test_a_mirror_goes_on_when_its_origin_becomes_shallow_behind_it(world: World, truth: object):
    git = source(world)
    head = git.fetch()
    path = shallow_clone(world)
    again = source(world, str(path))

    assert again.fetch() == head
    assert everything(again, world, head) == truth


def test_a_forged_commit_graph_changes_nothing(world: World, truth: object):
    """A commit-graph file is git's own cache of parents; here one of a repository where history was another."""
    place = in_repository(world, "mirror")
    run("git", "--git-dir", str(place), "commit-graph", "write", "--reachable", cwd=place, env=world.env)
    graph = place / "objects" / "info" / "commit-graph"
    raw = bytearray(graph.read_bytes())
    graph.chmod(0o644)
    # the parents of every commit become "none" (0x70000000) in the commit data chunk
    start = raw.index(b"CDAT")
    offset = int.from_bytes(raw[start + 4 : start + 12], "big")
    end = int.from_bytes(raw[start + 16 : start + 24], "big")
    for at in range(offset, end, 36):
        raw[at + 20 : at + 28] = b"\x70\0\0\0\x70\0\0\0"
    graph.write_bytes(bytes(raw))

    git = source(world)
    head = git.fetch()

    assert everything(git, world, head) == truth


def test_a_swapped_merge_that_makes_a_branch_the_main_line_stalls(world: World):
    """The attacker merges main into a branch of theirs, and moves main there without a merge commit."""
    git = source(world)
    last = git.fetch()
    world.commit("mallory", {"a": "evil\n"}, branch="evil", start="main")
    world.push_main("dana", {"c": "1\n"})
    git.fetch()
    revision = git.last_head()
    world.update_branch("evil", "mallory")
    world.fast_forward("evil", "mallory")

    head = git.fetch()

    assert git.merge_bases(revision, head) == (revision,)
    assert git.first_parents(last, head)[0] != revision
    with pytest.raises(StalledError, match=revision):
        git.first_parents(revision, head)


def test_a_forced_push_stalls_and_the_old_head_stays_readable(world: World):
    git = source(world)
    old = git.fetch()
    before = git.tree(old)
    world.force("main", world.plant([world.first], {"a": "rewritten\n"}))

    head = git.fetch()

    with pytest.raises(StalledError, match=old):
        git.first_parents(old, head)
    assert git.tree(old) == before


def test_a_deleted_branch_leaves_its_commits_readable(world: World):
    git = source(world)
    git.fetch()
    head = world.commit("noor", {"x": "1\n"}, branch="gone")
    git.fetch()
    world.delete_branch("gone")
    git.fetch()

    assert [commit.id for commit in git.commits(reachable_from=head, not_from=world.head())] == [head]
