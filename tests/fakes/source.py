"""A git history in memory: the `Source` port with no git, for tests of what is built on it.

    source = FakeSource()
    first = source.commit({"README.md": "Hello\n"})
    second = source.commit({"models/a.yaml": "…"}, parents=(first,), signer=SigningKey(fingerprint="SHA256:a"))
    assert source.fetch() == second

Walks are plain set arithmetic over all ancestors: slow and obvious.
"""

import hashlib
from collections.abc import Iterable, Mapping

from stagewright.errors import NotFoundError, StalledError, UnreachableError
from stagewright.model.review import Actor
from stagewright.model.source import SourceCommit, SourceFile, SourceTree

REGULAR = 0o100644
CODEOWNERS_FOLDERS = ("", ".forgejo/", ".gitea/", ".github/", ".gitlab/", "docs/")


def blob_id(content: bytes) -> str:
    """The id git gives to this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class FakeSource:
    """Everything the origin holds, and what the mirror knows of it since the last fetch."""

    def __init__(self, *, branch: str = "main", path: str = "") -> None:
        """An empty origin."""
        self.branch = branch
        self.path = path
        self.heads: dict[str, str] = {}
        self.away = False
        self._commits: dict[str, SourceCommit] = {}
        self._trees: dict[str, dict[str, tuple[int, str]]] = {}
        self._blobs: dict[str, bytes] = {}
        self._fetched: str | None = None

    # -- telling a history

    def commit(
        self,
        files: Mapping[str, str | bytes | None],
        *,
        parents: Iterable[str] = (),
        branch: str | None = "main",
        signer: Actor | None = None,
        named: Iterable[str] = (),
        modes: Mapping[str, int] | None = None,
    ) -> str:
        """Add a commit: its tree is the first parent's with `files` (None removes one). `branch` is pointed at it."""
        chain = tuple(parents)
        tree = dict(self._trees[chain[0]]) if chain else {}
        for path, content in files.items():
            if content is None:
                del tree[path]
                continue
            raw = content.encode() if isinstance(content, str) else content
            self._blobs[blob_id(raw)] = raw
            tree[path] = ((modes or {}).get(path, REGULAR), blob_id(raw))
        seed = repr((len(self._commits), chain, sorted(tree.items()), signer, tuple(named)))
        made = hashlib.sha1(seed.encode()).hexdigest()
        self._commits[made] = SourceCommit(id=made, parents=chain, signer=signer, named=tuple(named))
        self._trees[made] = tree
        if branch is not None:
            self.heads[branch] = made
        return made

    def forget(self, oid: str) -> None:
        """Make a commit or a blob unreadable, as when it was collected."""
        self._commits.pop(oid, None)
        self._blobs.pop(oid, None)

    # -- the port

    def fetch(self) -> str:
        """See the port."""
        if self.away:
            raise UnreachableError("the origin is away")
        if self.branch not in self.heads:
            raise NotFoundError(f"no branch {self.branch!r}")
        self._fetched = self.heads[self.branch]
        return self._fetched

    def last_head(self) -> str:
        """The branch's head as of the last fetch that succeeded."""
        if self._fetched is None:
            raise NotFoundError("nothing was fetched yet")
        return self._fetched

    def first_parents(self, after: str, head: str) -> tuple[str, ...]:
        """See the port."""
        chain: list[str] = []
        current = head
        while current != after:
            chain.append(current)
            parents = self._commit(current).parents
            if not parents:
                raise StalledError(f"{after} is not on the first-parent chain of {head}")
            current = parents[0]
        return tuple(reversed(chain))

    def tree(self, commit: str) -> SourceTree:
        """See the port."""
        parents = self._commit(commit).parents
        prefix = f"{self.path}/" if self.path else ""
        owners = {f"{folder}CODEOWNERS" for folder in CODEOWNERS_FOLDERS}
        files = tuple(
            SourceFile(path=path, mode=mode, blob=blob, size=len(self._blobs[blob]))
            for path, (mode, blob) in sorted(self._trees[commit].items())
            if path.startswith(prefix) or path in owners
        )
        return SourceTree(commit=commit, parents=parents, files=files)

    def blob(self, blob: str) -> bytes:
        """See the port."""
        if blob not in self._blobs:
            raise NotFoundError(f"no blob {blob}")
        return self._blobs[blob]

    def merge_bases(self, one: str, other: str) -> tuple[str, ...]:
        """See the port."""
        common = self._ancestors(one) & self._ancestors(other)
        below = {ancestor for commit in common for ancestor in self._ancestors(commit) - {commit}}
        return tuple(sorted(common - below))

    def commits(self, *, reachable_from: str, not_from: str) -> tuple[SourceCommit, ...]:
        """See the port."""
        wanted = self._ancestors(reachable_from) - self._ancestors(not_from)
        # commits were added parents first
        return tuple(commit for oid, commit in self._commits.items() if oid in wanted)

    def _commit(self, oid: str) -> SourceCommit:
        if oid not in self._commits:
            raise NotFoundError(f"no commit {oid}")
        return self._commits[oid]

    def _ancestors(self, commit: str) -> set[str]:
        seen: set[str] = set()
        queue = [commit]
        while queue:
            current = queue.pop()
            if current not in seen:
                seen.add(current)
                queue += self._commit(current).parents
        return seen
