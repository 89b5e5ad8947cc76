"""Git alone as the forge: a pull request is a merge commit, a review is an SSH-signed annotated tag.

Everything is read from the mirror as `GitSource.fetch` left it. What is not shown by a signature is not known here:
there is no account, no team and no comment.
"""

from collections.abc import Sequence
from dataclasses import replace

from pygit2.enums import ObjectType

from stagewright.adapters.git.decisions import (
    MalformedDecisionError,
    is_decision,
    parse_decision,
)
from stagewright.adapters.git.objects import MalformedObjectError, TagObject, parse_tag
from stagewright.adapters.git.source import GitSource
from stagewright.adapters.git.sshsig import Unverified, signer_of
from stagewright.errors import IncompleteError, NotFoundError, StalledError
from stagewright.model.review import DecisionText, SigningKey
from stagewright.model.source import PullFacts, ReviewFacts

MAX_DECISIONS = 10_000
_MAX_NESTING = 8
_MAX_TAG_BYTES = 131_072


class GitForge:
    """Pull requests and reviews as git itself holds them."""

    def __init__(self, source: GitSource) -> None:
        """Reads the mirror of `source`, whose `fetch` decides how fresh the answers are."""
        self._source = source
        self._read: dict[tuple[str, str], ReviewFacts | None] = {}
        self._known: tuple[tuple[tuple[str, str], ...], tuple[ReviewFacts, ...]] = ((), ())

    def pull(self, commit: str, first_parent: str) -> PullFacts | None:
        """The merge that `commit` is; its `id` is the merge commit's own id.

        None for a commit with one parent (somebody pushed straight to the branch), and for more than two: no one
        head was reviewed. `author` is who signed the first commit of the branch; None when it is unsigned.
        """
        merge = self._source.commit(commit)
        if len(merge.parents) != 2:
            return None
        if merge.parents[0] != first_parent:
            raise StalledError(f"{first_parent} is not the first parent of {commit}")
        head = merge.parents[1]
        return self._pull(commit, merge.subject or f"Merge of {head[:12]}", head, first_parent)

    def candidate(self, head: str, onto: str) -> PullFacts:
        """What the merge of `head` onto `onto`, the branch's head, would be; its id is that of `head`."""
        return self._pull(head, self._source.commit(head).subject or head[:12], head, onto)

    def _pull(self, oid: str, title: str, head: str, first_parent: str) -> PullFacts:
        brought = self._source.commits(reachable_from=head, not_from=first_parent)
        own = [made for made in brought if len(made.parents) < 2]
        return PullFacts(
            id=oid,
            title=title,
            url=None,
            base_branch=self._source.branch,
            author=own[0].signer if own else None,
            merged_head=head,
            first_parent=first_parent,
        )

    def reviews(self, pull: PullFacts) -> tuple[ReviewFacts, ...]:
        """Every decision tag on a commit that the merge brought, also those that cannot count, with their `flaw`."""
        brought = self._source.commits(reachable_from=pull.merged_head, not_from=pull.first_parent)
        ids = {commit.id for commit in brought}
        return tuple(review for review in self._decisions() if review.commit in ids)

    def observations(self) -> tuple[ReviewFacts, ...]:
        """Every decision tag of the mirror that is signed and well-formed, whatever its commit, sorted by id.

        For recording when each was first seen, which is before its branch is merged. Whose keys they are is not
        judged here. IncompleteError above MAX_DECISIONS tags.
        """
        return tuple(review for review in self._decisions() if review.flaw is None)

    def members(self, team: str) -> tuple[str, ...]:
        """Always NotFoundError: git has no teams."""
        raise NotFoundError(
            f"the git forge has no team {team!r}", hint="list the people of a team under `groups` in stagewright.yaml"
        )

    def accounts(self, logins: Sequence[str]) -> None:
        """Always None: git has no accounts."""

    def writers(self) -> None:
        """Always None: git has no accounts."""

    def _decisions(self) -> tuple[ReviewFacts, ...]:
        """The decision tags that lie on a commit, one per tag object, sorted by id."""
        tags = self._source.tags()
        if self._known[0] == tags:
            return self._known[1]
        found: dict[str, ReviewFacts] = {}
        read: dict[tuple[str, str], ReviewFacts | None] = {}
        for name, oid in tags:
            review = self._read[name, oid] if (name, oid) in self._read else self._review(name, oid)
            read[name, oid] = review
            # one tag object under several refs is one review, and whole if one of them is its own name
            if review is not None and (oid not in found or review.flaw is None):
                found[oid] = review
            if len(found) > MAX_DECISIONS:
                raise IncompleteError(
                    f"{self._source.url} holds more than {MAX_DECISIONS} decision tags",
                    hint="delete the tags of branches that were merged and settled long ago",
                )
        self._read = read
        self._known = (tags, tuple(review for _, review in sorted(found.items())))
        return self._known[1]

    def _review(self, name: str, oid: str) -> ReviewFacts | None:
        """One tag as a review; None for what is no decision about a commit."""
        body = self._tag_body(oid)
        tag = _parsed(body)
        if tag is None:
            return None
        commit = self._commit_below(tag)
        if commit is None or not (is_decision(name, tag.message) or is_decision(tag.name, tag.message)):
            return None
        review = as_review(oid, commit, tag, body)
        if review.flaw is None and tag.name != name:
            return replace(review, flaw=f"it lies under the name {name!r}, but was signed as {tag.name!r}")
        return review

    def _commit_below(self, tag: TagObject) -> str | None:
        """The commit that a tag, or a tag of a tag, points at in the end."""
        for _ in range(_MAX_NESTING):
            if self._kind(tag.target)[0] == ObjectType.COMMIT:
                return tag.target
            below = _parsed(self._tag_body(tag.target))
            if below is None:
                return None
            tag = below
        return None

    def _tag_body(self, oid: str) -> bytes:
        """The bytes of a tag object; empty for any other, and for one that is too large to be a decision."""
        kind, size = self._kind(oid)
        return self._source.read(oid)[1] if kind == ObjectType.TAG and size <= _MAX_TAG_BYTES else b""

    def _kind(self, oid: str) -> tuple[ObjectType, int]:
        try:
            return self._source.header(oid)
        except NotFoundError as error:
            raise self._source.incomplete(error) from error


def _parsed(body: bytes) -> TagObject | None:
    try:
        return parse_tag(body)
    except MalformedObjectError:
        return None


def as_review(oid: str, commit: str, tag: TagObject, body: bytes) -> ReviewFacts:
    """What the tag `oid`, whose bytes are `body`, says of a commit and who signed it; the first reason why not."""
    text: DecisionText | None = None
    author: SigningKey | None = None
    flaws: list[str] = []
    if tag.kind != "commit":
        flaws.append(f"it is a tag of a {tag.kind}, not of a commit")
    match signer_of(tag.signed):
        case SigningKey() as key:
            author = key
        case Unverified(reason=reason):
            flaws.append(reason)
    try:
        text = parse_decision(tag.message)
    except MalformedDecisionError as error:
        flaws.append(str(error))
    return ReviewFacts(
        id=oid,
        author=author,
        decision="comment" if text is None else text.decision,
        commit=commit,
        first_seen=None,
        claims=None if text is None else frozenset(text.subjects),
        withdraws=() if text is None else text.withdraws,
        standing=text is not None and text.decision == "reject",
        flaw=flaws[0] if flaws else None,
        body=body,
    )
