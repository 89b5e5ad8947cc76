"""Raw facts of git and a forge, before they are related to any promotion."""

from dataclasses import dataclass
from datetime import datetime

from stagewright.model.review import Account, Actor, Decision

REGULAR_MODES = (0o100644, 0o100755)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One entry of a commit's tree. `mode` is git's (0o100644 regular, 0o120000 symbolic link, 0o160000 submodule).

    `size` is in bytes; 0 for what is no blob.
    """

    path: str
    mode: int
    blob: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTree:
    """A commit as a tree: its parents, first parent first, and the files that can matter, sorted by path."""

    commit: str
    parents: tuple[str, ...]
    files: tuple[SourceFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCommit:
    """One commit. `signer` is the verified SSH signature's key, None when unsigned or not verifiable.

    `named` are the e-mail addresses of author, committer and Co-authored-by lines: anybody can write them.
    """

    id: str
    parents: tuple[str, ...]
    signer: Actor | None
    named: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PullFacts:
    """A merged pull request as its forge knows it. `merged_head` is the head commit at the merge.

    `id` is the forge's own number in decimal where it numbers pull requests: the controller answers there.
    `first_parent` is the branch's commit that it was merged onto.
    `brought` are the commits of the branch that it brought, in order, the last one being the merge, the squash or the
    last rebased commit; empty: just the one that was asked about.
    `merged_at` is when it was merged, by the forge's clock; None where it does not say, or it is open.
    `commit_actors`: who pushed each commit, by commit id, where the forge can tell; signatures come from git.
    """

    id: str
    title: str
    url: str | None
    base_branch: str
    author: Actor | None
    merged_head: str
    first_parent: str
    brought: tuple[str, ...] = ()
    commit_actors: tuple[tuple[str, Actor], ...] = ()
    merged_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRejection:
    """A review that rejected `subjects` in some pull request, as it was when it was seen. `pull` is that one's id."""

    review: str
    pull: str
    author: Account
    commit: str
    subjects: frozenset[str]
    first_seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFacts:
    """A review as its forge tells it; the fields are those of Review. `body` is the signed object.

    `first_seen` is the forge's own submission time where it has one; None where only the controller can tell.
    """

    id: str
    author: Actor | None
    decision: Decision
    commit: str
    first_seen: datetime | None
    claims: frozenset[str] | None = None
    withdraws: tuple[str, ...] = ()
    standing: bool = False
    flaw: str | None = None
    body: bytes | None = None
