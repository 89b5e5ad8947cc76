"""The `Source` port on a bare mirror: every answer comes from the objects themselves."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

import pygit2
from pygit2.enums import ObjectType

from stagewright.adapters.git import transport
from stagewright.adapters.git.access import MAX_FETCH_BYTES, GitCredentials, check_url, is_remote
from stagewright.adapters.git.apart import update_apart
from stagewright.adapters.git.graph import CommitGraph
from stagewright.adapters.git.objects import (
    OBJECT_ID,
    CommitObject,
    MalformedObjectError,
    TreeEntry,
    parse_commit,
    parse_parents,
    parse_tree,
)
from stagewright.adapters.git.sshsig import signer_of
from stagewright.adapters.git.transport import DEFAULT_REFS
from stagewright.errors import IncompleteError, NotFoundError, StalledError, UsageError
from stagewright.model.review import SigningKey
from stagewright.model.source import SourceCommit, SourceFile, SourceTree

MAX_OBJECT_BYTES = 64 * 1024**2
MAX_BLOB_BYTES = 16 * 1024**2
MAX_FILES = 100_000
MAX_DEPTH = 64
CODEOWNERS_PATHS = (
    ".forgejo/CODEOWNERS",
    ".gitea/CODEOWNERS",
    ".github/CODEOWNERS",
    ".gitlab/CODEOWNERS",
    "CODEOWNERS",
    "docs/CODEOWNERS",
)

_TREE = 0o040000
_SUBMODULE = 0o160000


class GitSource:
    """One branch of a git repository, read through a bare mirror that this class keeps."""

    def __init__(
        self,
        *,
        url: str,
        branch: str,
        mirror: Path,
        path: str = "",
        credentials: GitCredentials | Callable[[], GitCredentials] | None = None,
        refs: tuple[str, ...] = DEFAULT_REFS,
        max_bytes: int | None = None,
    ) -> None:
        """`path` is the folder that is watched, relative to the repository's root; empty for all of it.

        `credentials` that are a function are asked for before each fetch, where they do not last.
        `refs` are the patterns that are mirrored; a forge that keeps pull requests under other refs adds its own.
        `max_bytes` is the most that the mirror may hold; where it is given, no server is waited for without an end.
        Nothing is fetched yet.
        """
        self.url = check_url(url)
        self.branch = branch
        self.path = _normal_path(path)
        self._credentials = credentials
        self._refs = refs
        self._max_bytes = max_bytes
        self._repository = transport.open_mirror(mirror)
        self._graph = CommitGraph(self._read_parents)
        self._read_tree = lru_cache(maxsize=16_384)(self._load_tree)
        self._read_commit = lru_cache(maxsize=16_384)(self._load_commit)
        self._source_commit = lru_cache(maxsize=16_384)(self._load_source_commit)
        self._sizes: dict[str, int] = {}
        self._tags: tuple[tuple[str, str], ...] | None = None

    def fetch(self) -> str:
        """Bring the mirror up to date; the branch's head. See the port for the errors."""
        given = self._credentials() if callable(self._credentials) else self._credentials
        limit = MAX_FETCH_BYTES if self._max_bytes is None else self._max_bytes
        if (given is not None and given.trusts_otherwise) or (self._max_bytes is not None and is_remote(self.url)):
            mirror, shown = Path(self._repository.path), given or GitCredentials()
            update_apart(mirror, self.url, self.branch, credentials=shown, refs=self._refs, max_bytes=limit)
        else:
            transport.update(
                self._repository, self.url, self.branch, credentials=given, refs=self._refs, max_bytes=limit
            )
        self._tags = None
        return self.last_head()

    def last_head(self) -> str:
        """The branch's head as of the last fetch that succeeded. NotFoundError when there was none."""
        head = transport.origin_ref(self._repository, transport.HEADS + self.branch)
        if head is None:
            raise NotFoundError(
                f"the mirror of {self.url} holds no branch {self.branch!r} yet", hint="the first fetch brings it"
            )
        return head

    def tags(self) -> tuple[tuple[str, str], ...]:
        """The origin's tags as of the last fetch: name without `refs/tags/`, and the id of the object it points at."""
        if self._tags is None:
            refs = transport.origin_refs(self._repository, transport.TAGS)
            self._tags = tuple(sorted((name.removeprefix(transport.TAGS), oid) for name, oid in refs.items()))
        return self._tags

    def branches(self) -> tuple[tuple[str, str], ...]:
        """The origin's branches as of the last fetch: name and head."""
        refs = transport.origin_refs(self._repository, transport.HEADS)
        return tuple(sorted((name.removeprefix(transport.HEADS), oid) for name, oid in refs.items()))

    def refs(self, prefix: str) -> Mapping[str, str]:
        """The origin's refs that begin with `prefix` (`refs/pull/`) as of the last fetch: full name to object id."""
        found = transport.origin_refs(self._repository, transport.ORIGIN + prefix.removeprefix("refs/"))
        return {"refs/" + name.removeprefix(transport.ORIGIN): oid for name, oid in found.items()}

    def resolve(self, revision: str) -> str:
        """The commit that a branch of the origin, or a whole commit id, names as of the last fetch. NotFoundError."""
        # ids first: a branch that somebody named like another commit's id must not be signed in its place
        if OBJECT_ID.fullmatch(revision):
            self._require_commit(revision)
            return revision
        heads = dict(self.branches())
        if revision not in heads:
            near = ", ".join(name for name in sorted(heads) if name != self.branch)
            raise NotFoundError(f"{self.url} has no branch {revision!r}", hint=f"it has {near or 'no other branch'}")
        return heads[revision]

    def first_parents(self, after: str, head: str) -> tuple[str, ...]:
        """See the port."""
        self._require_commit(head)
        return self._graph.first_parents(after, head)

    def tree(self, commit: str) -> SourceTree:
        """See the port. Paths are relative to the repository's root.

        StalledError for a tree that nobody could have meant: more than MAX_FILES files or MAX_DEPTH folders deep.
        """
        self._require_commit(commit)
        read = self._read_commit(commit)
        found: dict[str, TreeEntry] = {}
        for path in (self.path, *CODEOWNERS_PATHS):
            self._collect(read.tree, path, found, commit)
        files = tuple(
            SourceFile(path=path, mode=entry.mode, blob=entry.id, size=self._size(entry))
            for path, entry in sorted(found.items())
        )
        return SourceTree(commit=commit, parents=read.parents, files=files)

    def blob(self, blob: str) -> bytes:
        """See the port. A blob above MAX_BLOB_BYTES cannot be read either."""
        kind, size = self.header(blob)
        if kind != ObjectType.BLOB:
            raise NotFoundError(f"object {blob} is no blob")
        if size > MAX_BLOB_BYTES:
            raise NotFoundError(f"blob {blob} has {size} bytes, and at most {MAX_BLOB_BYTES} are read")
        return self.read(blob)[1]

    def merge_bases(self, one: str, other: str) -> tuple[str, ...]:
        """See the port."""
        self._require_commit(one)
        self._require_commit(other)
        return self._graph.merge_bases(one, other)

    def commits(self, *, reachable_from: str, not_from: str) -> tuple[SourceCommit, ...]:
        """See the port. Parents come before their children."""
        self._require_commit(reachable_from)
        self._require_commit(not_from)
        ids = self._graph.difference(reachable_from, not_from)
        return tuple(self._source_commit(commit) for commit in ids)

    def commit(self, commit: str) -> CommitObject:
        """One commit, parsed. NotFoundError when it cannot be read."""
        self._require_commit(commit)
        return self._read_commit(commit)

    def read(self, oid: str) -> tuple[ObjectType, bytes]:
        """Any object by id, of at most MAX_OBJECT_BYTES. NotFoundError when it cannot be read."""
        size = self.header(oid)[1]
        if size > MAX_OBJECT_BYTES:
            raise NotFoundError(f"object {oid} has {size} bytes, and at most {MAX_OBJECT_BYTES} are read")
        try:
            return self._repository.odb.read(oid)
        except (KeyError, pygit2.GitError) as error:
            raise NotFoundError(f"object {oid} cannot be read from the mirror of {self.url}") from error

    def header(self, oid: str) -> tuple[ObjectType, int]:
        """The kind of any object, and its size in bytes. NotFoundError when it cannot be read."""
        if not OBJECT_ID.fullmatch(oid):
            raise NotFoundError(f"{oid!r} is no object id", hint="give all 40 hexadecimal digits, in lower case")
        try:
            return self._repository.odb.read_header(oid)
        except (KeyError, pygit2.GitError) as error:
            raise NotFoundError(f"object {oid} cannot be read from the mirror of {self.url}") from error

    def _require_commit(self, oid: str) -> None:
        if self.header(oid)[0] != ObjectType.COMMIT:
            raise NotFoundError(f"object {oid} is no commit")

    def incomplete(self, error: NotFoundError) -> IncompleteError:
        """The error for an object that must be there, since another object or a ref names it."""
        return IncompleteError(
            f"the mirror of {self.url} is not whole: {error}",
            hint=f"delete the mirror {self._repository.path}, and the next fetch makes it anew",
        )

    def _named(self, oid: str, wanted: ObjectType) -> bytes:
        """An object that another one names: that it is missing means that the mirror is not whole."""
        try:
            kind, body = self.read(oid)
        except NotFoundError as error:
            raise self.incomplete(error) from error
        if kind != wanted:
            raise StalledError(f"object {oid} is of another kind than what names it says", hint="run `git fsck`")
        return body

    def _read_parents(self, oid: str) -> tuple[str, ...]:
        try:
            return parse_parents(self._named(oid, ObjectType.COMMIT))
        except MalformedObjectError as error:
            raise StalledError(f"commit {oid} is malformed: {error}", hint="run `git fsck`") from error

    def _load_commit(self, oid: str) -> CommitObject:
        try:
            return parse_commit(self._named(oid, ObjectType.COMMIT))
        except MalformedObjectError as error:
            raise StalledError(f"commit {oid} is malformed: {error}", hint="run `git fsck`") from error

    def _load_tree(self, oid: str) -> tuple[TreeEntry, ...]:
        try:
            return parse_tree(self._named(oid, ObjectType.TREE))
        except MalformedObjectError as error:
            raise StalledError(f"tree {oid} is malformed: {error}", hint="run `git fsck`") from error

    def _load_source_commit(self, oid: str) -> SourceCommit:
        read = self._read_commit(oid)
        signed_by = signer_of(read.signed)
        signer = signed_by if isinstance(signed_by, SigningKey) else None
        return SourceCommit(id=oid, parents=read.parents, signer=signer, named=read.named)

    def _size(self, entry: TreeEntry) -> int:
        """In bytes; 0 for a submodule, whose commit lies in another repository."""
        if entry.mode == _SUBMODULE:
            return 0
        size = self._sizes.get(entry.id)
        if size is None:
            try:
                size = self.header(entry.id)[1]
            except NotFoundError as error:
                raise self.incomplete(error) from error
            self._sizes[entry.id] = size
        return size

    def _collect(self, root: str, path: str, found: dict[str, TreeEntry], commit: str) -> None:
        """Add what lies at `path` to `found`: one file, or every file below a folder."""
        entry = TreeEntry(mode=_TREE, name=b"", id=root)
        for part in path.split("/") if path else ():
            if entry.mode != _TREE:
                return
            below = {child.name: child for child in self._read_tree(entry.id)}
            if part.encode() not in below:
                return
            entry = below[part.encode()]
        queue = [(path, entry, 0)]
        while queue:
            at, current, depth = queue.pop()
            if current.mode != _TREE:
                found[at] = current
            else:
                prefix = f"{at}/" if at else ""
                # git prescribes no encoding of names; what is not UTF-8 is shown so that it can still be pointed at
                queue += [
                    (prefix + child.name.decode("utf-8", "backslashreplace"), child, depth + 1)
                    for child in self._read_tree(current.id)
                ]
            if len(queue) + len(found) > MAX_FILES or depth > MAX_DEPTH:
                raise StalledError(
                    f"commit {commit} has more than {MAX_FILES} files below {path or 'its root'!r}, "
                    f"or folders deeper than {MAX_DEPTH}",
                    hint="give the desired state a folder of its own and configure it as the source's path",
                )


def _normal_path(path: str) -> str:
    parts = path.split("/") if path else []
    if any(part in {"", ".", ".."} for part in parts):
        raise UsageError(
            f"the source's path {path!r} is not in its one spelling",
            hint="write it relative to the repository's root, as in `ml/desired-state`; leave it out for the root",
        )
    return path
