"""The double's git: bare repositories named by id, and the commits that a forge makes by itself."""

import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pygit2
from pygit2.enums import SortMode

from tests.git_world import environment

NOBODY = "0" * 40
CONFIG = {
    "http.receivepack": "true",
    "uploadpack.allowAnySHA1InWant": "true",
    "uploadpack.allowFilter": "true",
    "receive.hideRefs": "refs/pull",
    "core.logAllRefUpdates": "false",
    "gc.auto": "0",
    "receive.autogc": "false",
}


class GitStore:
    """Every repository of the double below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def path(self, repository: int) -> Path:
        """Where a repository lies."""
        return self.root / f"{repository}.git"

    def open(self, repository: int) -> pygit2.Repository:
        """The repository, read anew."""
        return pygit2.Repository(str(self.path(repository)))

    def create(self, repository: int, *, branch: str, like: int | None = None) -> None:
        """Make an empty repository, or one with the branches of another."""
        path = self.path(repository)
        pygit2.init_repository(str(path), bare=True, initial_head=branch)
        config = pygit2.Config(str(path / "config"))
        for name, value in CONFIG.items():
            config[name] = value
        hook = path / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(PRE_RECEIVE)
        hook.chmod(0o755)
        if like is not None:
            self.git(repository, "fetch", "-q", str(self.path(like)), "+refs/heads/*:refs/heads/*")

    def git(self, repository: int, *arguments: str) -> str:
        """Run git in a repository; it must succeed."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.path(repository), env=environment(self.root), capture_output=True, check=False
        )
        assert done.returncode == 0, f"git {arguments}: {done.stderr.decode(errors='replace')}"
        return done.stdout.decode()

    def take(self, repository: int, other: int, commit: str, ref: str) -> None:
        """Bring a commit of another repository here, and let `ref` name it."""
        git = self.open(repository)
        if commit not in git:
            self.git(repository, "fetch", "-q", str(self.path(other)), commit)
            git = self.open(repository)
        git.references.create(ref, pygit2.Oid(hex=commit), force=True)

    def branches(self, repository: int) -> dict[str, str]:
        """Branch name → commit."""
        git = self.open(repository)
        return {
            name.removeprefix("refs/heads/"): str(git.references[name].target)
            for name in git.references
            if name.startswith("refs/heads/")
        }

    def tip(self, repository: int, branch: str) -> str | None:
        """The commit of a branch."""
        found = self.open(repository).references.get(f"refs/heads/{branch}")
        return None if found is None else str(found.target)

    def resolve(self, repository: int, ref: str) -> str | None:
        """The commit that a branch, a tag or a commit id names."""
        git = self.open(repository)
        for name in (f"refs/heads/{ref}", f"refs/tags/{ref}", ref):
            try:
                return str(git.revparse_single(name).peel(pygit2.Commit).id)
            except (KeyError, ValueError, pygit2.InvalidSpecError):
                continue
        return None

    def move(self, repository: int, branch: str, commit: str | None) -> None:
        """Let a branch name another commit, or nothing."""
        git = self.open(repository)
        name = f"refs/heads/{branch}"
        if commit is None:
            git.references.delete(name)
        else:
            git.references.create(name, pygit2.Oid(hex=commit), force=True)

    def between(self, repository: int, base: str, head: str) -> tuple[str, ...]:
        """The commits of `head` that `base` does not have, oldest first."""
        git = self.open(repository)
        walk = git.walk(pygit2.Oid(hex=head), SortMode.TOPOLOGICAL | SortMode.REVERSE)
        walk.hide(pygit2.Oid(hex=base))
        return tuple(str(commit.id) for commit in walk)

    def first_parents(self, repository: int, base: str, head: str) -> tuple[str, ...]:
        """The first-parent chain of `head` down to and without `base`, oldest first."""
        git, chain, at = self.open(repository), [], head
        while at != base:
            chain.append(at)
            parents = git[at].peel(pygit2.Commit).parent_ids
            if not parents:
                break
            at = str(parents[0])
        return tuple(reversed(chain))

    def contains(self, repository: int, ancestor: str, head: str) -> bool:
        """Whether `ancestor` is `head` or one of its ancestors."""
        git = self.open(repository)
        return ancestor == head or git.descendant_of(pygit2.Oid(hex=head), pygit2.Oid(hex=ancestor))

    def conflict(self, repository: int, base: str, head: str) -> bool:
        """Whether two commits cannot be merged."""
        index = self.open(repository).merge_commits(pygit2.Oid(hex=base), pygit2.Oid(hex=head))
        return index.conflicts is not None

    def merge(self, repository: int, base: str, head: str, message: str, *, by: "Signed") -> str | None:
        """A merge commit of `head` onto `base`; None when they conflict."""
        return self._merged(repository, base, head, message, by, (base, head))

    def squash(self, repository: int, base: str, head: str, message: str, *, by: "Signed") -> str | None:
        """One commit on `base` with everything of `head`; None when they conflict."""
        return self._merged(repository, base, head, message, by, (base,))

    def _merged(
        self, repository: int, base: str, head: str, message: str, by: "Signed", parents: tuple[str, ...]
    ) -> str | None:
        git = self.open(repository)
        index = git.merge_commits(pygit2.Oid(hex=base), pygit2.Oid(hex=head))
        if index.conflicts is not None:
            return None
        tree = index.write_tree(git)
        return str(
            git.create_commit(None, by.author, by.committer, message, tree, [pygit2.Oid(hex=p) for p in parents])
        )

    def rebase(self, repository: int, base: str, head: str, *, by: "Signed") -> tuple[str, ...] | None:
        """New commits on `base` for each commit of `head` that is no merge; None when one conflicts."""
        git, at, made = self.open(repository), base, []
        for old in self.between(repository, base, head):
            commit = git[old].peel(pygit2.Commit)
            if len(commit.parents) != 1:
                continue
            index = git.merge_trees(commit.parents[0].tree, git[at].peel(pygit2.Commit).tree, commit.tree)
            if index.conflicts is not None:
                return None
            tree = index.write_tree(git)
            at = str(git.create_commit(None, commit.author, by.committer, commit.message, tree, [pygit2.Oid(hex=at)]))
            made.append(at)
        return tuple(made)

    def commit(
        self,
        repository: int,
        parent: str | None,
        files: Mapping[str, bytes | None],
        message: str,
        *,
        by: "Signed",
    ) -> str:
        """A commit of `files` (None removes one) on `parent`."""
        git = self.open(repository)
        index = pygit2.Index()
        if parent is not None:
            index.read_tree(git[parent].peel(pygit2.Tree))
        for path, content in files.items():
            if content is None:
                index.remove(path)
            else:
                blob = git.create_blob(content)
                index.add(pygit2.IndexEntry(path, blob, pygit2.enums.FileMode.BLOB))
        parents = [] if parent is None else [pygit2.Oid(hex=parent)]
        return str(git.create_commit(None, by.author, by.committer, message, index.write_tree(git), parents))

    def read(self, repository: int, commit: str, path: str) -> bytes | None:
        """The content of a file at a commit."""
        found = self.entry(repository, commit, path)
        return found.data if isinstance(found, pygit2.Blob) else None

    def entry(self, repository: int, commit: str, path: str) -> pygit2.Object | None:
        """What lies at a path of a commit."""
        tree = self.open(repository)[commit].peel(pygit2.Tree)
        try:
            return tree[path] if path else tree
        except KeyError:
            return None


class Signed:
    """Author and committer of a commit that the forge makes."""

    def __init__(self, author: tuple[str, str], committer: tuple[str, str], at: datetime) -> None:
        seconds = int(at.timestamp())
        self.author = pygit2.Signature(author[0], author[1], seconds, 0)
        self.committer = pygit2.Signature(committer[0], committer[1], seconds, 0)


# what the push may not do is said by the server in the environment: one ref a line, for those who may not go past it
PRE_RECEIVE = """#!/bin/sh
while read -r before after ref; do
  case "
$DOUBLE_PROTECTED
" in
    *"
$ref
"*) echo "error: GH006: Protected branch update failed for $ref." >&2; exit 1;;
  esac
done
exit 0
"""
