"""Deciding: what a commit proposes, and a person's signed approval or rejection of just that."""

from dataclasses import dataclass

from stagewright.app.desired import DesiredReader
from stagewright.core.change import changed_keys
from stagewright.core.identity import subject_of
from stagewright.core.judge import NO_GOVERNANCE
from stagewright.errors import InvalidError
from stagewright.model.desired import DesiredState, Value
from stagewright.model.keys import GovernanceKey, Key
from stagewright.model.review import Account, DecisionText, SigningKey, TagDecision
from stagewright.model.source import PullFacts
from stagewright.ports import Forge, PullRequests, Source, Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """One change that a commit proposes, with the digest that a person signs."""

    key: Key
    before: Value | None
    after: Value | None
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision that was signed and pushed. `merged`: its commit is on the branch already."""

    commit: str
    origin: str
    decision: TagDecision
    proposed: tuple[Proposed, ...]
    withdraws: tuple[str, ...]
    id: str
    merged: bool


class Decider:
    """Signs decisions in a person's name."""

    def __init__(
        self, *, workspace: Workspace, source: Source, forge: Forge, desired: DesiredReader, branch: str
    ) -> None:
        self._workspace = workspace
        self._source = source
        self._forge = forge
        self._desired = desired
        self._branch = branch

    def proposed(self, revision: str) -> tuple[str, str, tuple[Proposed, ...]]:
        """The commit that `revision` names, the ledger's origin, and what the commit proposes against the branch.

        Of a commit that was merged already, and may wait for approvals still, what it proposed to the branch as it was
        before. InvalidError when it proposes nothing, or has no single merge base with the branch.
        """
        self._workspace.fetch()
        self._source.fetch()
        commit, main = self._workspace.resolve(revision), self._workspace.resolve(self._branch)
        return commit, *proposals_at(
            self._source, self._desired, self._branch, commit=commit, onto=self._before(commit, main), main=main
        )

    def decide(
        self, revision: str, decision: TagDecision, *, text: str, key: SigningKey | None, shown: frozenset[str]
    ) -> Decided:
        """Sign `decision` on everything that `revision` proposes. An approval withdraws one's own rejections there.

        `key` is whose earlier rejections those are; None withdraws nothing. `shown` are the subjects that the person
        has seen: InvalidError, and nothing is signed, when these are others by now.
        """
        commit, origin, found = self.proposed(revision)
        subjects = {p.subject for p in found}
        if subjects != shown:
            raise InvalidError(
                f"{revision} proposes something else by now than what was shown", hint="look at it and decide again"
            )
        withdraws = tuple(
            sorted(
                review.id
                for review in (self._forge.observations() if decision == "approve" and key else ())
                if review.decision == "reject" and review.author == key and subjects & (review.claims or frozenset())
            )
        )
        _, email = self._workspace.identity()
        made = self._workspace.sign_off(
            commit,
            DecisionText(
                decision=decision,
                subjects=tuple(sorted(subjects)),
                withdraws=withdraws,
                origin=origin,
                text=text,
            ),
            slug=email.partition("@")[0],
        )
        return Decided(
            commit=commit,
            origin=origin,
            decision=decision,
            proposed=found,
            withdraws=withdraws,
            id=made,
            merged=self._source.merge_bases(commit, self._workspace.resolve(self._branch)) == (commit,),
        )

    def _before(self, commit: str, main: str) -> str:
        """The branch as it was before a merge brought `commit`; as it is now, where none did."""
        tip = main
        while tip != commit and self._source.merge_bases(commit, tip) == (commit,):
            tip = self._source.tree(tip).parents[0]
        return main if tip == commit else tip


class Reviewer:
    """Reviews pull requests of a forge with accounts, in the name of whoever's token it is."""

    def __init__(self, *, pull_requests: PullRequests, source: Source, desired: DesiredReader, branch: str) -> None:
        self._pull_requests = pull_requests
        self._source = source
        self._desired = desired
        self._branch = branch

    def whoami(self) -> Account:
        """Who reviews. ForbiddenError when the token is nobody's."""
        return self._pull_requests.whoami()

    def proposed(self, number: int) -> tuple[str, str, tuple[Proposed, ...]]:
        """The head of a pull request, the ledger's origin, and what it proposes; see `Decider.proposed`."""
        facts, origin, found = self._read(number)
        return facts.merged_head, origin, found

    def decide(self, number: int, decision: TagDecision, *, text: str, shown: frozenset[str]) -> Decided:
        """Review what a pull request proposes, bound to its head; see `Decider.decide`."""
        facts, origin, found = self._read(number)
        subjects = {p.subject for p in found}
        if subjects != shown:
            raise InvalidError(
                f"pull request {number} proposes something else by now than what was shown",
                hint="look at it and decide again",
            )
        said = DecisionText(decision=decision, subjects=tuple(sorted(subjects)), origin=origin, text=text)
        return Decided(
            commit=facts.merged_head,
            origin=origin,
            decision=decision,
            proposed=found,
            withdraws=(),
            id=self._pull_requests.decide(number, said, commit=facts.merged_head),
            merged=bool(facts.brought),
        )

    def _read(self, number: int) -> tuple[PullFacts, str, tuple[Proposed, ...]]:
        """A pull request as the forge shows it now, the ledger's origin, and what it proposes."""
        # first of all: its head is read from the mirror
        main = self._source.fetch()
        facts = self._pull_requests.find(number).facts
        return facts, *proposals_at(
            self._source, self._desired, self._branch, commit=facts.merged_head, onto=facts.first_parent, main=main
        )


def proposals_at(
    source: Source, desired: DesiredReader, branch: str, *, commit: str, onto: str, main: str
) -> tuple[str, tuple[Proposed, ...]]:
    """The ledger's origin, by the policy at `main`, and what `commit` proposes against its merge base with `onto`.

    InvalidError when it proposes nothing, or has no single merge base with the branch.
    """
    bases = source.merge_bases(commit, onto)
    if len(bases) != 1:
        raise InvalidError(f"commit {commit[:12]} has {len(bases)} merge bases with {branch}", hint="rebase the branch")
    before, after = desired.at(bases[0]), desired.at(commit)
    origin = _origin(desired, desired.at(main), branch)
    found = tuple(
        Proposed(
            key=key,
            before=before.values.get(key),
            after=after.values.get(key),
            subject=subject_of(origin=origin, key=key, before=before.values.get(key), after=after),
        )
        for key in changed_keys(before, after)
    )
    if not found:
        problems = "; ".join(f"{p.file}:{p.line}:{p.column}: {p.reason}" for p in after.problems)
        raise InvalidError(
            f"commit {commit[:12]} proposes nothing to decide on", hint=problems or "name a branch that does"
        )
    return origin, found


def _origin(desired: DesiredReader, state: DesiredState, branch: str) -> str:
    value = state.values.get(GovernanceKey(), NO_GOVERNANCE)
    policy = desired.governance(value).policy  # type: ignore[arg-type] # the value of this key is a governance
    if policy is None:
        raise InvalidError(f"the branch {branch!r} holds no valid policy", hint="restore stagewright.yaml")
    return policy.origin
