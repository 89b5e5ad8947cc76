"""The walk over first-parent history: step by step, each judged and written down as one batch."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from stagewright.app.desired import DesiredReader
from stagewright.app.facts import FactReader
from stagewright.app.journal import Journal
from stagewright.app.memory import governance_digest
from stagewright.app.pulls import PullReader
from stagewright.app.recall import recall
from stagewright.app.record import Scribe, body_digest, clipped, recorded
from stagewright.app.steps import Extent, extent
from stagewright.app.vetoes import rejections_in
from stagewright.core.change import changed_keys, promotions_of
from stagewright.core.fold import judge_again, step
from stagewright.core.judge import authorized_governance
from stagewright.core.people import bind, logins_of, takers
from stagewright.core.requirements import version_facts
from stagewright.core.signoffs import accounts_in
from stagewright.errors import IncompleteError, StalledError, UnreachableError
from stagewright.ledger import predicates as entry
from stagewright.ledger.statement import Statement
from stagewright.model.desired import GovernanceValue
from stagewright.model.keys import GovernanceKey, Key, SpecKey
from stagewright.model.promotion import Promotion, Step
from stagewright.model.review import PullRequest, SigningKey
from stagewright.model.source import PullFacts
from stagewright.model.state import Facts, State
from stagewright.model.verdict import Verdict
from stagewright.ports import Forge, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """How far a walk came. `waiting` says why it stopped before the branch's head; empty when it did not."""

    verdicts: tuple[Verdict, ...]
    waiting: str = ""


class Walker:
    """Judges what history brings and what is still open, and writes the verdicts down."""

    def __init__(
        self,
        *,
        source: Source,
        forge: Forge,
        desired: DesiredReader,
        pulls: PullReader,
        facts: FactReader,
        journal: Journal,
        scribe: Scribe,
    ) -> None:
        self._source = source
        self._forge = forge
        self._desired = desired
        self._pulls = pulls
        self._facts = facts
        self._journal = journal
        self._scribe = scribe

    def observe(self) -> int:
        """Write down every signed decision not seen before, and every approval that is gone; how many are new."""
        memory = self._journal.memory
        shown = {review.id: review for review in self._forge.observations()}
        fresh = [
            (review, review.author, review.body) for _, review in sorted(shown.items()) if review.id not in memory.seen
        ]
        statements, bodies = [], {}
        for review, key, body in fresh:
            if isinstance(key, SigningKey) and body is not None:
                digest = body_digest(body)
                bodies[digest] = body
                statements.append(self._scribe.observation(review, key, digest))
        gone = [
            self._scribe.withdrawal(review)
            for _, review in sorted(memory.reviews.items())
            if review.decision == "approve" and review.id not in {*shown, *memory.withdrawn}
        ]
        if statements or gone:
            self._journal.append([*statements, *gone], bodies)
        return len(statements)

    def bind(self) -> None:
        """Write down whom the logins of the governance that judges mean, where that is not known: by id, from then on.

        Nothing is asked while the governance stays. IncompleteError when the forge does not tell.
        """
        memory = self._journal.memory
        waiting = {promotion.governance for promotion in memory.open.values()}
        unknown = [value for value in waiting if governance_digest(value) not in memory.accounts]
        now = memory.authorized.get(GovernanceKey())
        if isinstance(now, GovernanceValue) and governance_digest(now) != memory.bound:
            unknown.append(now)
        for value in unknown:
            named = logins_of(self._facts.governance(value))
            before = memory.accounts.get(memory.bound, {})
            try:
                found = self._forge.accounts([login.removeprefix("@") for login in named if login not in before])
            except UnreachableError as error:
                raise IncompleteError(f"whom the governance names is not known: {error}", hint=error.hint) from error
            if found is None:
                return
            meant = bind(named, before, {f"@{login}": own for login, own in found.items()})
            statement, bodies = self._scribe.accounts(governance_digest(value), meant, memory.revision)
            self._journal.append([statement], bodies)

    def walk(self, head: str) -> Walked:
        """Fold in every step up to `head`. StalledError when the last revision is not on its first-parent chain."""
        self.bind()
        memory = self._journal.memory
        chain = self._source.first_parents(memory.revision, head)
        verdicts: list[Verdict] = []
        parent, unchanged, at = memory.revision, 0, 0
        while at < len(chain):
            commit = chain[at]
            try:
                if not changed_keys(self._desired.at(parent), self._desired.at(commit)):
                    parent, unchanged, at = commit, unchanged + 1, at + 1
                    continue
                pull = self._pulls.found(commit)
                reach = extent(chain, at, pull, self._source, self._desired)
                verdicts += self._step(reach, pull, unchanged + reach.place - at + 1)
            except (IncompleteError, StalledError) as error:
                # also a commit that cannot be read as it is: what is authorized stays so, and is kept up
                self._move_on(parent, unchanged)
                return Walked(verdicts=tuple(verdicts), waiting=f"before commit {commit[:12]}: {error}")
            parent, unchanged, at = reach.commit, 0, reach.place + 1
        self._move_on(parent, unchanged)
        return Walked(verdicts=tuple(verdicts))

    def judge_open(self) -> Walked:
        """Judge what is open again, and write down what changed. Those whose verdict changed are returned.

        A promotion for which a fact is missing keeps its verdict and keeps none of the others waiting; `waiting` tells.
        """
        self.bind()
        state, pulls, gaps = self._readable(self._state())
        if not state.open:
            return Walked(verdicts=(), waiting=gaps)
        memory = self._journal.memory
        facts = self._facts.facts(state, state.open.values())
        changed = [
            verdict
            for verdict in judge_again(state, facts, pulls).verdicts
            if _differs(verdict, memory.verdicts[verdict.promotion.id][1])
        ]
        statements, bodies = self._entries(tuple(changed), state, facts, {})
        statements += [*self._alarms(state, facts, pulls.values()), *self._rejections(state, facts, pulls.values())]
        if statements:
            self._journal.append(statements, bodies)
        return Walked(verdicts=tuple(changed), waiting=gaps)

    def _readable(self, state: State) -> tuple[State, dict[str, PullRequest | None], str]:
        """The state with the open promotions that can be judged, their pull requests, and what the others lack."""
        readable: dict[Key, Promotion] = {}
        pulls: dict[str, PullRequest | None] = {}
        gaps = []
        # a spec that is approved may ask for other versions of its stages
        specs = tuple(p for key, p in state.open.items() if isinstance(key, SpecKey))
        for key, promotion in state.open.items():
            try:
                pull = self._anew(promotion)
                self._facts.facts(state, (*specs, promotion))
            except IncompleteError as error:
                gaps.append(f"{key} was not judged again: {error}")
            else:
                readable[key], pulls[promotion.id] = promotion, pull
        return replace(state, open=readable), pulls, "; ".join(gaps)

    def _state(self) -> State:
        return recall(self._journal.memory, self._source, self._desired)

    def _anew(self, promotion: Promotion) -> PullRequest | None:
        """The pull request of an open promotion, read anew; it has to be the one that it was judged by before."""
        pull = self._pulls.found(promotion.commit)
        recorded = self._journal.memory.verdicts[promotion.id][1].pull
        before = (recorded.id if recorded else None, promotion.first_parent)
        if (pull.id if pull else None, pull.first_parent if pull else promotion.first_parent) != before:
            raise IncompleteError(f"{promotion.key}: the forge names another pull request than before")
        return self._related(pull)

    def _related(self, pull: PullFacts | None) -> PullRequest | None:
        memory = self._journal.memory
        if pull is None:
            return None
        return self._pulls.related(pull, memory.seen, memory.reviews, memory.withdrawn, memory.rejections)

    def _step(self, reach: Extent, pull: PullFacts | None, commits: int) -> tuple[Verdict, ...]:
        """Fold one step in; `commits` are those that the revision moves on by."""
        self.bind()
        state, commit = self._state(), reach.commit
        change = Step(
            position=state.position + commits,
            first_parent=reach.first_parent,
            commit=commit,
            parents=len(self._source.tree(commit).parents),
            before=self._desired.at(reach.first_parent),
            after=self._desired.at(commit),
            pull=self._related(pull),
        )
        facts = self._facts.facts(state, promotions_of(state.origin, change, authorized_governance(state)))
        folded = step(state, change, facts)
        closed = {s.by: s.promotion.id for s in folded.superseded}
        statements, bodies = self._entries(folded.verdicts, state, facts, closed)
        statements += [*self._alarms(state, facts, [change.pull]), *self._rejections(state, facts, [change.pull])]
        statements += [self._scribe.superseded(old, by, commit) for by, old in closed.items()]
        statements.append(self._scribe.revision(state.revision, commit, commits))
        self._journal.append(statements, bodies)
        return folded.verdicts

    def hear(self, pulls: Iterable[PullRequest]) -> str:
        """Write down the rejections seen on open pull requests; why that could not be, empty when it could."""
        seen = tuple(pulls)
        if not any(review.decision == "reject" for pull in seen for review in pull.reviews):
            return ""
        state = self._state()
        try:
            statements = self._rejections(state, self._facts.facts(state, ()), seen)
        except IncompleteError as error:
            return f"rejections were not written down: {error}"
        if statements:
            self._journal.append(statements)
        return ""

    def _rejections(self, state: State, facts: Facts, pulls: Iterable[PullRequest | None]) -> list[Statement]:
        """Those of people whom the governance knows, and that are not known yet."""
        bound = state.accounts.get(authorized_governance(state), {})
        voices = {own for own in bound.values() if own} | {own for team in facts.teams.values() for own in team or ()}
        known = self._journal.memory.rejections
        found = [r for pull in pulls if pull is not None for r in rejections_in(pull, voices)]
        fresh = {r.review: r for r in found if r.review not in known or not r.subjects <= known[r.review].subjects}
        return [statement for _, one in sorted(fresh.items()) for statement in self._scribe.rejections(one)]

    def _alarms(self, state: State, facts: Facts, pulls: Iterable[PullRequest | None]) -> list[Statement]:
        """One for each login of the governance that somebody else has by now, unless the last one says the same."""
        bound = state.accounts.get(authorized_governance(state), {})
        seen = [account for pull in pulls if pull is not None for account in accounts_in(pull)]
        said = {
            f"login @{taker.login.casefold()}": f"the governance names @{taker.login}, and means "
            f"{'account ' + known if (known := bound[f'@{taker.login.casefold()}']) else 'nobody, as there was none'}: "
            f"account {taker.id}, which has that login now, counts for nobody; take the name out, or name it anew"
            for taker in takers(bound, (*seen, *(facts.writers or ())))
        }
        alarms = self._journal.memory.alarms
        return [
            self._scribe.alarm("login", subject, message, state.revision)
            for subject, message in said.items()
            if subject not in alarms or alarms[subject].message != clipped(message)
        ]

    def _move_on(self, reached: str, unchanged: int) -> None:
        if unchanged:
            self._journal.append([self._scribe.revision(self._journal.memory.revision, reached, unchanged)])

    def _entries(
        self, verdicts: tuple[Verdict, ...], state: State, facts: Facts, closed: Mapping[str, str]
    ) -> tuple[list[Statement], dict[str, bytes]]:
        statements, bodies = [], {}
        for verdict in verdicts:
            evidence: dict[str, str] = {}
            known = None if verdict.restore else version_facts(verdict.promotion, state, facts)
            if known is not None and known.evidence_document is not None:
                body = known.evidence_document.encode()
                evidence["evidence"] = body_digest(body)
                bodies[evidence["evidence"]] = body
            incumbent = state.authorized.get(verdict.promotion.key)
            for value in (verdict.promotion.before, verdict.promotion.after, incumbent):
                bodies |= recorded(value)[1]
            statements.append(self._scribe.verdict(verdict, incumbent, closed.get(verdict.promotion.id), evidence))
        return statements, bodies


def _differs(verdict: Verdict, last: entry.Verdict) -> bool:
    """Whether the answer, or what a requirement finds, is another than was written down last."""
    before = (last.verdict, [(r.rule, r.name, r.state, r.detail) for r in last.requirements])
    return before != (verdict.answer, [(r.rule, r.name, r.state, clipped(r.detail)) for r in verdict.requirements])
