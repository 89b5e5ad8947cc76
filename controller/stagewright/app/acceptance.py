"""Accepting another history: the branch was rewritten, or a merge swapped its parents, and people agree to go on.

On git alone they sign tags on the commit that the walk goes on from; on a forge with accounts they approve an open pull
request that puts one file, which names both commits, on top of it. What they sign, and who may, `core.acceptance` says.
"""

from dataclasses import dataclass

from stagewright.app.beginning import moved_from
from stagewright.app.continuity import keep
from stagewright.app.desired import DesiredReader
from stagewright.app.facts import FactReader
from stagewright.app.fenced import Gate
from stagewright.app.history_reviews import HistoryReviews
from stagewright.app.journal import LedgerJournal
from stagewright.app.memory import Memory
from stagewright.app.outside import Outside
from stagewright.app.pulls import PullReader
from stagewright.app.recall import recall
from stagewright.app.record import Scribe, recorded
from stagewright.app.reopening import reopen
from stagewright.app.walk import Walker
from stagewright.core.acceptance import accept, evaluate_acceptance, history_subject
from stagewright.core.change import changed_keys
from stagewright.core.judge import Evaluation, authorized_governance
from stagewright.errors import InvalidError, NotFoundError, StalledError, UsageError
from stagewright.ledger import predicates as entry
from stagewright.ledger.log import Ledger
from stagewright.ledger.statement import Statement
from stagewright.model.desired import GovernanceValue
from stagewright.model.keys import Key
from stagewright.model.policy import Governance
from stagewright.model.promotion import Step
from stagewright.model.state import Facts, State
from stagewright.model.sync import RegistrySync
from stagewright.model.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What accepting would mean: the commits that are left and gained, the keys that change, and who agreed so far.

    `changed` are refused, for nobody signed them off there; `gone` wait on steps that are left, and are refused too.
    `carrier` is the open pull request whose reviews were counted; None: tags were, or there is none yet.
    """

    before: str
    after: str
    subject: str
    origin: str
    left: int
    gained: int
    changed: tuple[Key, ...]
    gone: tuple[Key, ...]
    evaluation: Evaluation
    carrier: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A history that was accepted, as entry `index`, with the verdicts on what it brought."""

    acceptance: Acceptance
    index: int
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """The ledger, open to be written in our turn, and what git says beside it."""

    ledger: Ledger
    memory: Memory
    scribe: Scribe
    desired: DesiredReader
    state: State
    facts: FactReader
    outside: Outside


class Acceptor:
    """Judges and records the acceptance of another history."""

    def __init__(self, config: RegistrySync, outside: Outside) -> None:
        self._config = config
        self._outside = outside

    def proposed(self, before: str, after: str) -> Acceptance:
        """What accepting that the walk goes on from `after` would mean. Nothing is written.

        UsageError: the ledger is not at `before`, or nothing is to be accepted. StalledError: `after` is not on the
        branch. InvalidError: it lies before steps that were judged already. NotFoundError: `before` is read no more.
        """
        with self._outside.exclusive():
            return self._look(self._open(), before, after)

    def accept(self, before: str, after: str, *, who: entry.Person | None, reason: str) -> Accepted:
        """Record the acceptance. UsageError: something is missing still, or no reason is given."""
        if not reason.strip():
            raise UsageError("an acceptance needs its reason", hint="say why the history changed")
        with self._outside.exclusive():
            turn = self._open()
            journal = LedgerJournal(turn.ledger, turn.memory)
            self._walker(turn, journal).observe()
            found = self._look(turn, before, after)
            if found.evaluation.answer != "approved":
                missing = [r.detail for r in found.evaluation.requirements if r.state != "satisfied"]
                raise UsageError(f"the history is not accepted yet: {'; '.join(missing)}", hint="look with --dry-run")
            done = self._record(turn, journal, found, who, reason)
            keep(turn.ledger, self._outside.known)
            return done

    def _record(
        self, turn: _Turn, journal: LedgerJournal, found: Acceptance, who: entry.Person | None, reason: str
    ) -> Accepted:
        state, desired, scribe = turn.state, turn.desired, turn.scribe
        change = Step(
            position=state.position + 1,
            first_parent=found.before,
            commit=found.after,
            parents=1,
            before=desired.at(found.before),
            after=desired.at(found.after),
            pull=None,
        )
        gone = {state.open[key].id for key in found.gone}
        folded = accept(state, change, self._facts(turn), gone)
        statements: list[Statement] = []
        bodies: dict[str, bytes] = {}
        closed = {one.by: one.promotion.id for one in folded.superseded}
        for verdict in folded.verdicts:
            p = verdict.promotion
            incumbent = state.authorized.get(p.key)
            for value in (p.before, p.after, incumbent):
                bodies |= recorded(value)[1]
            statements.append(scribe.verdict(verdict, incumbent, closed.get(p.id), {}))
        statements += [scribe.superseded(old, by, found.after) for by, old in closed.items()]
        statements.append(
            scribe.acceptance(
                found.before,
                found.after,
                who=who,
                reason=reason,
                governance=self._governance(turn).digest,
                found=found.evaluation,
            )
        )
        statements.append(scribe.revision(found.before, found.after, 1))
        indices = journal.append(statements, bodies)
        return Accepted(acceptance=found, index=indices[-2], verdicts=folded.verdicts)

    def _open(self) -> _Turn:
        config, gate = self._config, Gate(self._outside.fence, self._outside.write_s)
        outside = self._outside.behind(gate)
        now = outside.clock.now()
        ledger, kept, epoch = reopen(
            store=outside.store,
            known=outside.known,
            log_signer=outside.log_signer,
            entry_signer=outside.entry_signer,
            gate=gate,
            now=now,
        )
        memory = kept.memory
        moved = moved_from(config, memory.binding)
        if moved:
            raise StalledError(moved, hint="put it back, or confirm the move first: stagewright ledger rebind")
        origin = memory.genesis.origin
        desired = DesiredReader(outside.source, config.path)
        outside.source.fetch()
        try:
            state = recall(memory, outside.source, desired)
        except NotFoundError as error:
            raise NotFoundError(
                f"what the ledger was at cannot be read any more: {error}",
                hint=f"push it back under any name: git push origin {memory.revision}:refs/heads/left",
            ) from error
        return _Turn(
            ledger=ledger,
            memory=memory,
            scribe=Scribe(sync=config.name, epoch=epoch, now=now, origin=origin, names={}, image=outside.image),
            desired=desired,
            state=state,
            facts=FactReader(
                registry=outside.registry, forge=outside.forge, desired=desired, branch=config.branch, now=now
            ),
            outside=outside,
        )

    def _look(self, turn: _Turn, before: str, after: str) -> Acceptance:
        source, state = turn.outside.source, turn.state
        if before != state.revision:
            raise UsageError(f"the ledger is at commit {state.revision}", hint="name that one with --from")
        head = source.fetch()
        followed = source.first_parents(after, head) if after != head else ()
        chain = _chain(turn, before, head)
        if chain is not None:
            raise UsageError("the branch goes on from where the ledger is", hint="there is nothing to accept: sync")
        if followed and source.merge_bases(followed[0], before) == (followed[0],):
            raise InvalidError(
                f"after {after[:12]} the branch holds steps that were judged already, such as {followed[0][:12]}",
                hint="name with --to the last commit that both histories have, or a later one",
            )
        changed = changed_keys(turn.desired.at(before), turn.desired.at(after))
        gone = tuple(
            key
            for key, promotion in state.open.items()
            if key not in changed and source.merge_bases(promotion.commit, after) != (promotion.commit,)
        )
        subject = history_subject(state.origin, before, after)
        reviews = HistoryReviews(
            turn.outside, turn.desired, turn.memory, path=self._config.path, branch=self._config.branch,
            now=turn.scribe.now,
        )  # fmt: skip
        carrier, pull = reviews.of(state.origin, before, after)
        facts = turn.facts.facts(state, ())
        evaluation = evaluate_acceptance(
            subject,
            self._governance(turn),
            pull,
            teams=facts.teams,
            writers=turn.outside.forge.writers(),
            bound=state.accounts.get(self._value(turn)),
        )
        return Acceptance(
            before=before,
            after=after,
            subject=subject,
            origin=state.origin,
            left=len(source.commits(reachable_from=before, not_from=after)),
            gained=len(source.commits(reachable_from=after, not_from=before)),
            changed=changed,
            gone=gone,
            evaluation=evaluation,
            carrier=carrier,
        )

    def _facts(self, turn: _Turn) -> Facts:
        """What refusals and restores ask for: the governances, and nothing of the registry."""
        values = {self._value(turn), *(p.governance for p in turn.state.open.values())}
        return Facts(
            now=turn.scribe.now,
            branch=self._config.branch,
            governances={value: turn.desired.governance(value) for value in values},
            versions={},
            teams={},
        )

    def _value(self, turn: _Turn) -> GovernanceValue:
        return authorized_governance(turn.state)

    def _governance(self, turn: _Turn) -> Governance:
        return turn.desired.governance(self._value(turn))

    def _walker(self, turn: _Turn, journal: LedgerJournal) -> Walker:
        outside = turn.outside
        return Walker(
            source=outside.source,
            forge=outside.forge,
            desired=turn.desired,
            pulls=PullReader(
                outside.source, outside.forge, turn.desired, origin=turn.state.origin, now=turn.scribe.now
            ),
            facts=turn.facts,
            journal=journal,
            scribe=turn.scribe,
        )


def _chain(turn: _Turn, before: str, head: str) -> tuple[str, ...] | None:
    """The steps from `before` to `head`; None where `before` is not on the branch's first-parent chain."""
    if before == head:
        return ()
    try:
        return turn.outside.source.first_parents(before, head)
    except StalledError:
        return None
