"""What a forge and git say about a change: pull request, commits, reviews. Facts, not judgements."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from stagewright.model.keys import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of a forge. `id` never changes and is never given to another; `login` may be."""

    id: str
    login: str
    bot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """Whoever holds an SSH key: the signature verified over these very bytes in namespace `git`. `SHA256:…`."""

    fingerprint: str


Actor = Account | SigningKey
Decision = Literal["approve", "reject", "comment", "dismissed"]
TagDecision = Literal["approve", "reject"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionText:
    """What a person signs on a commit: the decision, the subject digests it is about, earlier ones it withdraws.

    `origin` names the ledger for people; `text` is what the person wrote for people.
    """

    decision: TagDecision
    subjects: tuple[str, ...]
    withdraws: tuple[str, ...] = ()
    origin: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How a commit lies to a step, and which subjects it proposes against its own merge base with the first parent.

    `subjects` is None when the commit or its merge base cannot be read any more: such a commit counts for nothing.
    """

    commit: str
    in_pull: bool
    ancestor_of_first_parent: bool
    merge_bases: int
    subjects: frozenset[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One person's decision on one commit.

    `claims`: the subject digests that the signed text names; None where a forge's review has no such text.
    `standing`: a rejection of this kind stands until its author withdraws it by id, whatever came later.
    `present`: False when it was seen once and is gone now. `flaw`: why it can never count (a tag that was moved, …).
    `first_seen` is when the controller saw it (or the forge's own submission time), and orders the decisions.
    """

    id: str
    author: Actor | None
    decision: Decision
    first_seen: datetime
    reach: Reach
    claims: frozenset[str] | None = None
    withdraws: tuple[str, ...] = ()
    standing: bool = False
    present: bool = True
    flaw: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitFacts:
    """One commit of a pull request.

    `actors` are those who are proven to have made it (its verified signer, its pusher); empty when nobody is.
    `named` are e-mail addresses that it merely names (author, committer, co-authors): they can only add exclusions.
    `touched` are the keys whose subject it changes against all of its parents, or takes over as promoted from outside.
    """

    id: str
    actors: tuple[Actor, ...]
    named: tuple[str, ...]
    touched: frozenset[Key]


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """The change that brought a step, with everything said about it. `author` None: not known.

    `merged_at` is when, by the forge's clock; None where it does not say, or is not merged.
    """

    id: str
    title: str
    url: str | None
    base_branch: str
    author: Actor | None
    head: Reach
    commits: tuple[CommitFacts, ...]
    reviews: tuple[Review, ...]
    merged_at: datetime | None = None
