"""What every `Source` does, checked on the one in memory and on git."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from stagewright.adapters.git.source import GitSource
from stagewright.errors import NotFoundError, StalledError, UnreachableError
from stagewright.model.source import SourceFile
from stagewright.ports import Source
from tests.fakes.source import FakeSource, blob_id
from tests.git_world import World

Files = Mapping[str, str | bytes | None]
NOWHERE = "0" * 40


class Origin(Protocol):
    """A repository that a test can write, and a source that reads it."""

    source: Source

    def commit(self, parents: Iterable[str], files: Files, *, branch: str | None = None) -> str: ...
    def delete_branch(self, branch: str) -> None: ...
    def leave(self) -> None: ...
    def come_back(self) -> None: ...


class FakeOrigin:
    def __init__(self, path: str) -> None:
        self.source = FakeSource(path=path)

    def commit(self, parents: Iterable[str], files: Files, *, branch: str | None = None) -> str:
        return self.source.commit(files, parents=parents, branch=branch)

    def delete_branch(self, branch: str) -> None:
        del self.source.heads[branch]

    def leave(self) -> None:
        self.source.away = True

    def come_back(self) -> None:
        self.source.away = False


class GitOrigin:
    def __init__(self, root: Path, path: str) -> None:
        self.world = World(root / "world")
        self.world.delete_branch("main")
        self.source = GitSource(url=str(self.world.origin), branch="main", path=path, mirror=root / "mirror")
        self._count = 0

    def commit(self, parents: Iterable[str], files: Files, *, branch: str | None = None) -> str:
        self._count += 1
        return self.world.plant(parents, files, branch=branch or f"kept-{self._count}")

    def delete_branch(self, branch: str) -> None:
        self.world.delete_branch(branch)

    def leave(self) -> None:
        self.world.origin.rename(self.world.root / "gone")

    def come_back(self) -> None:
        (self.world.root / "gone").rename(self.world.origin)


Build = Callable[[str], Origin]


@pytest.fixture(params=["fake", "git"])
def build(request: pytest.FixtureRequest, tmp_path: Path) -> Build:
    if request.param == "fake":
        return FakeOrigin
    return lambda path: GitOrigin(tmp_path, path)


@pytest.fixture
def origin(build: Build) -> Origin:
    return build("")


def chain(origin: Origin, length: int) -> list[str]:
    commits: list[str] = []
    for number in range(length):
        commits.append(origin.commit(commits[-1:], {"n": f"{number}\n"}, branch="main"))
    return commits


def test_fetch_names_the_head_of_the_branch(origin: Origin):
    first, second = chain(origin, 2)

    assert origin.source.fetch() == second
    third = origin.commit([second], {"n": "new"}, branch="main")
    assert origin.source.fetch() == third
    assert origin.source.first_parents(first, third) == (second, third)


def test_fetch_of_an_empty_repository_finds_no_branch(origin: Origin):
    with pytest.raises(NotFoundError, match="main"):
        origin.source.fetch()


def test_fetch_of_a_deleted_branch_finds_no_branch_and_keeps_what_it_had(origin: Origin):
    first, second = chain(origin, 2)
    origin.source.fetch()
    origin.commit([second], {"other": "1"}, branch="other")
    origin.delete_branch("main")

    with pytest.raises(NotFoundError, match="main"):
        origin.source.fetch()

    assert origin.source.first_parents(first, second) == (second,)


def test_fetch_from_an_origin_that_is_away_keeps_what_it_had_and_goes_on_afterwards(origin: Origin):
    first, second = chain(origin, 2)
    origin.source.fetch()
    origin.leave()

    with pytest.raises(UnreachableError):
        origin.source.fetch()
    assert origin.source.first_parents(first, second) == (second,)

    origin.come_back()
    third = origin.commit([second], {"n": "new"}, branch="main")
    assert origin.source.fetch() == third
    assert origin.source.first_parents(second, third) == (third,)


def test_first_parents_of_the_head_itself_are_none(origin: Origin):
    (first,) = chain(origin, 1)
    origin.source.fetch()

    assert origin.source.first_parents(first, first) == ()


def test_first_parents_pass_by_what_was_merged(origin: Origin):
    first, second = chain(origin, 2)
    side = origin.commit([first], {"side": "1"})
    merge = origin.commit([second, side], {"side": "1"}, branch="main")
    origin.source.fetch()

    assert origin.source.first_parents(first, merge) == (second, merge)


def test_first_parents_after_rewritten_history_stall(origin: Origin):
    first, second = chain(origin, 2)
    origin.source.fetch()
    rewritten = origin.commit([first], {"n": "rewritten"}, branch="main")
    origin.source.fetch()

    with pytest.raises(StalledError, match=second):
        origin.source.first_parents(second, rewritten)


def test_first_parents_after_a_merge_that_swapped_its_parents_stall(origin: Origin):
    first, second = chain(origin, 2)
    side = origin.commit([first], {"side": "1"})
    foxtrot = origin.commit([side, second], {"n": "1"}, branch="main")
    origin.source.fetch()

    with pytest.raises(StalledError, match=second):
        origin.source.first_parents(second, foxtrot)


def test_first_parents_of_a_commit_that_is_not_there_are_not_found(origin: Origin):
    (first,) = chain(origin, 1)
    origin.source.fetch()

    with pytest.raises(NotFoundError, match=NOWHERE):
        origin.source.first_parents(first, NOWHERE)


def test_tree_of_the_root_lists_every_file_sorted_by_path(origin: Origin):
    first = origin.commit([], {"b": "1", "a/z": "22", "a.b": b"\xff\x00\n", "a/b/c": ""}, branch="main")
    second = origin.commit([first], {"b": None}, branch="main")
    origin.source.fetch()

    tree = origin.source.tree(second)

    assert (tree.commit, tree.parents) == (second, (first,))
    assert tree.files == tuple(
        SourceFile(path=path, mode=0o100644, blob=blob_id(content), size=len(content))
        for path, content in (("a.b", b"\xff\x00\n"), ("a/b/c", b""), ("a/z", b"22"))
    )
    assert origin.source.tree(first).parents == ()


def test_tree_of_a_folder_lists_it_and_codeowners_wherever_they_lie(build: Build):
    origin = build("ml/models")
    owners = ("CODEOWNERS", "docs/CODEOWNERS", ".github/CODEOWNERS", ".gitea/CODEOWNERS", ".gitlab/CODEOWNERS")
    inside = ("ml/models/a.yaml", "ml/models/cards/a.md")
    outside = ("README.md", "ml/modelsx/b.yaml", "ml/c.yaml", "src/CODEOWNERS", "CODEOWNERS.bak")
    head = origin.commit([], dict.fromkeys((*owners, *inside, *outside), "x"), branch="main")
    origin.source.fetch()

    assert [file.path for file in origin.source.tree(head).files] == sorted((*owners, *inside))


def test_tree_of_a_folder_that_is_not_there_is_empty(build: Build):
    origin = build("ml/models")
    head = origin.commit([], {"ml/other": "x"}, branch="main")
    origin.source.fetch()

    assert origin.source.tree(head).files == ()


def test_tree_of_a_commit_that_is_not_there_is_not_found(origin: Origin):
    chain(origin, 1)
    origin.source.fetch()

    with pytest.raises(NotFoundError, match=NOWHERE):
        origin.source.tree(NOWHERE)


def test_blob_is_read_by_id(origin: Origin):
    origin.commit([], {"a": b"\x00\xff\r\n"}, branch="main")
    origin.source.fetch()

    assert origin.source.blob(blob_id(b"\x00\xff\r\n")) == b"\x00\xff\r\n"
    with pytest.raises(NotFoundError, match=NOWHERE):
        origin.source.blob(NOWHERE)


def test_merge_bases_of_a_line_are_the_older_commit(origin: Origin):
    commits = chain(origin, 3)
    origin.source.fetch()

    assert origin.source.merge_bases(commits[0], commits[2]) == (commits[0],)
    assert origin.source.merge_bases(commits[2], commits[0]) == (commits[0],)
    assert origin.source.merge_bases(commits[1], commits[1]) == (commits[1],)


def test_merge_bases_of_a_criss_cross_are_both(origin: Origin):
    (first,) = chain(origin, 1)
    left = origin.commit([first], {"l": "1"})
    right = origin.commit([first], {"r": "1"})
    one = origin.commit([left, right], {"r": "1"}, branch="main")
    other = origin.commit([right, left], {"l": "1"}, branch="other")
    origin.source.fetch()

    assert origin.source.merge_bases(one, other) == tuple(sorted((left, right)))


def test_merge_bases_of_unrelated_histories_are_none(origin: Origin):
    (first,) = chain(origin, 1)
    island = origin.commit([], {"i": "1"}, branch="island")
    origin.source.fetch()

    assert origin.source.merge_bases(first, island) == ()


def test_merge_bases_with_a_commit_that_is_not_there_are_not_found(origin: Origin):
    (first,) = chain(origin, 1)
    origin.source.fetch()

    for one, other in ((first, NOWHERE), (NOWHERE, first)):
        with pytest.raises(NotFoundError, match=NOWHERE):
            origin.source.merge_bases(one, other)


def test_commits_are_those_of_the_branch_alone_oldest_first(origin: Origin):
    first, second = chain(origin, 2)
    side_one = origin.commit([first], {"s": "1"})
    update = origin.commit([side_one, second], {"n": "1"})
    side_two = origin.commit([update], {"s": "2"}, branch="side")
    origin.source.fetch()

    found = origin.source.commits(reachable_from=side_two, not_from=second)

    assert [(commit.id, commit.parents) for commit in found] == [
        (side_one, (first,)),
        (update, (side_one, second)),
        (side_two, (update,)),
    ]
    assert {commit.signer for commit in found} == {None}
    assert origin.source.commits(reachable_from=second, not_from=side_two) == ()


def test_commits_of_a_commit_that_is_not_there_are_not_found(origin: Origin):
    (first,) = chain(origin, 1)
    origin.source.fetch()

    for one, other in ((first, NOWHERE), (NOWHERE, first)):
        with pytest.raises(NotFoundError, match=NOWHERE):
            origin.source.commits(reachable_from=one, not_from=other)
