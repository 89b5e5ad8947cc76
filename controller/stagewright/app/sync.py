"""One sync: close what is open, walk the history, judge, plan, apply. The only door through which MLflow changes."""

from dataclasses import dataclass, replace
from datetime import timedelta

from stagewright.app.apply import Applied, Applier
from stagewright.app.beginning import Beginning, binding_of, moved_from, rebinding_digest
from stagewright.app.claims import Claimant
from stagewright.app.continuity import keep, refuse_genesis
from stagewright.app.conversation import Correspondent
from stagewright.app.desired import DesiredReader
from stagewright.app.facts import FactReader
from stagewright.app.fenced import Gate
from stagewright.app.hop import Hop
from stagewright.app.journal import LedgerJournal
from stagewright.app.memory import Memory, remember
from stagewright.app.outside import Outside
from stagewright.app.pulls import PullReader
from stagewright.app.reach import Reached, Watch
from stagewright.app.recall import recall
from stagewright.app.record import Scribe, body_digest, recorded
from stagewright.app.reopening import Kept, reopen
from stagewright.app.view import Sight, Stopped, View
from stagewright.app.walk import Walked, Walker
from stagewright.core.judge import authorized_governance
from stagewright.core.plan import plan
from stagewright.core.rules import review_target
from stagewright.errors import IncompleteError, LedgerMissingError, StalledError, UnreachableError
from stagewright.ledger import predicates as entry
from stagewright.ledger.log import Ledger
from stagewright.model.desired import DocumentProblem
from stagewright.model.keys import Key
from stagewright.model.plan import Blocked, Plan
from stagewright.model.sync import RegistrySync
from stagewright.model.verdict import Verdict

# Each round applies what the one before it made possible; more stages than this in a chain wait for the next sync.
ROUNDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """What one sync found and did. `stalled` and `waiting` say why it did not go all the way; empty when it did.

    `unseen` says what of the workloads could not be looked at or rolled.
    `rebind` is the digest of the move of the configuration that has to be confirmed; empty where it did not move.
    `reached` are the systems that were asked anything, each with how it answered.
    `review_targets` says by id how long a review of what waits should take, where a rule matches.
    """

    head: str | None
    revision: str
    began: bool
    recovered: tuple[tuple[int, str], ...]
    observed: int
    verdicts: tuple[Verdict, ...]
    applied: tuple[Applied, ...]
    blocked: tuple[Blocked, ...]
    problems: tuple[DocumentProblem, ...]
    unmanaged: int
    stalled: str
    waiting: str
    ledger_size: int
    rebind: str = ""
    reached: tuple[Reached, ...] = ()
    unseen: str = ""
    review_targets: tuple[tuple[str, timedelta], ...] = ()


class Syncer:
    """Syncs one configuration. A new object for each process; `sync` may be called again and again."""

    def __init__(self, config: RegistrySync, outside: Outside) -> None:
        self._config = config
        self._outside = outside
        self._desired = DesiredReader(outside.source, config.path)
        self._correspondent = Correspondent(outside.conversation) if outside.conversation is not None else None
        self._memory: Memory | None = None
        self._kept: Kept | None = None

    @property
    def memory(self) -> Memory | None:
        """The ledger as the last sync left it, however that ended; None where it did not come so far as to open it."""
        return self._memory

    def sync(self) -> SyncReport:
        """Run one sync. Errors say who must act; what was written before one is kept, and the next sync goes on.

        StalledError when the ledger is not the one known from before, or the clock runs behind it: then nothing can be
        written down, and so nothing is done. LeaseLostError when it is not our turn to write, or no longer.
        """
        with self._outside.exclusive():
            watch = Watch()
            # what a sync that fails remembers is not built upon
            kept, self._kept = self._kept, None
            run = _Run(self._config, self._outside.heard(watch), self._desired, kept)
            self._memory = None
            try:
                report = run.look(run.sync())
            finally:
                self._memory = run.memory
                run.keep()
            report = replace(report, reached=watch.reached)
            if self._correspondent is not None:
                report = run.speak(self._correspondent, report)
            self._kept = run.kept
            return report


class _Run:
    """One sync, with the one `now` that all of it shares."""

    def __init__(self, config: RegistrySync, outside: Outside, desired: DesiredReader, kept: Kept | None) -> None:
        self._config = config
        self._kept = kept
        self._gate = Gate(outside.fence, outside.write_s)
        self._epoch: entry.Epoch | None = None
        self._outside = outside.behind(self._gate)
        self._claimant = Claimant(config, outside.claims)
        self._desired = desired
        self._now = outside.clock.now()
        self._ledger: Ledger | None = None
        self._journal: LedgerJournal | None = None
        self._walker: Walker | None = None
        self._targets: tuple[tuple[str, timedelta], ...] = ()
        self._facts = FactReader(
            registry=outside.registry, forge=outside.forge, desired=desired, branch=config.branch, now=self._now
        )

    @property
    def memory(self) -> Memory | None:
        """What has been written so far; None where no ledger was opened."""
        return self._journal.memory if self._journal is not None else None

    @property
    def kept(self) -> Kept | None:
        """What the next sync can go on from; None where it has to read the ledger."""
        journal, kept = self._journal, self._kept
        if journal is None or journal.checkpoint is None or kept is None or kept.memory is not journal.memory:
            return None
        return replace(kept, checkpoint=journal.checkpoint)

    def keep(self) -> None:
        """Keep how far the ledger has come, whatever became of the sync."""
        if self._ledger is not None:
            keep(self._ledger, self._outside.known)

    def look(self, report: SyncReport) -> SyncReport:
        """Look at the workloads, where there are any to look at."""
        outside, journal = self._outside, self._journal
        if outside.workloads is None or journal is None or report.stalled:
            return report
        scribe = self._scribe(journal.memory.genesis.origin, {})
        unseen = Hop(workloads=outside.workloads, journal=journal, scribe=scribe, roll=outside.roll).look()
        return replace(report, ledger_size=journal.size, unseen=unseen)

    def speak(self, correspondent: Correspondent, report: SyncReport) -> SyncReport:
        """Tell people on the forge what this sync found. What cannot be told is told at the next one."""
        if report.head is None or report.stalled or self._ledger is None or self._journal is None:
            return report
        self._gate.require()
        memory = self._journal.memory
        sight = Sight(
            config=self._config,
            source=self._outside.source,
            forge=self._outside.forge,
            registry=self._outside.registry,
            store=self._outside.store,
            clock=Stopped(self._now),
        )
        view = View(
            sight=sight,
            ledger=self._ledger,
            memory=memory,
            desired=self._desired,
            state=recall(memory, self._outside.source, self._desired),
            head=report.head,
            away="",
        )
        seen, untold = correspondent.speak(view, report.head, self._facts)
        unheard = self._walker.hear(seen) if self._walker is not None else ""
        self.keep()
        waiting = "; ".join(part for part in (report.waiting, untold, unheard) if part)
        return replace(report, waiting=waiting, ledger_size=self._journal.size)

    def sync(self) -> SyncReport:
        journal, away, head = self._reopen(), "", None
        # the ledger first: whoever moved the configuration may have moved it to where no credentials should go
        moved = "" if journal is None else moved_from(self._config, journal.memory.binding)
        if not moved:
            try:
                with self._outside.telemetry.span("fetch"):
                    head = self._outside.source.fetch()
            except UnreachableError as error:
                away = f"the repository did not answer, so no history was read: {error}"
        began = journal is None
        self._journal = journal = journal or self._begin(head)
        memory = journal.memory
        scribe = self._scribe(memory.genesis.origin, {})
        applier = Applier(self._outside.registry, journal, scribe, memory.revision)
        # what an open intent did to one registry cannot be read from another
        recovered = applier.recover() if memory.binding["registry"] == self._config.registry_uri else ()
        if moved:
            applier.alarm_once("configuration", "configuration", moved)
            digest = rebinding_digest(self._config, memory.binding, memory.bound_since)
            return self._report(journal, head, began=began, recovered=recovered, stalled=moved, rebind=digest)
        pulls = PullReader(
            self._outside.source, self._outside.forge, self._desired, origin=memory.genesis.origin, now=self._now
        )
        walker = Walker(
            source=self._outside.source, forge=self._outside.forge, desired=self._desired, pulls=pulls,
            facts=self._facts, journal=journal, scribe=scribe
        )  # fmt: skip
        self._walker = walker
        verdicts: list[Verdict] = []
        observed, waiting = 0, away
        if head is not None:
            try:
                with self._outside.telemetry.span("walk"):
                    observed = walker.observe()
                    walked = walker.walk(head)
            except IncompleteError as error:
                walked = Walked(verdicts=(), waiting=f"no decisions could be read, so nothing was judged: {error}")
            except StalledError as error:
                applier.alarm_once("history", "history", str(error))
                return self._report(journal, head, began=began, recovered=recovered, stalled=str(error))
            verdicts += walked.verdicts
            waiting = walked.waiting
        return self._settle(
            journal,
            walker,
            head,
            began=began,
            recovered=recovered,
            observed=observed,
            verdicts=verdicts,
            waiting=waiting,
        )

    def _settle(
        self,
        journal: LedgerJournal,
        walker: Walker,
        head: str | None,
        *,
        began: bool,
        recovered: tuple[tuple[int, str], ...],
        observed: int,
        verdicts: list[Verdict],
        waiting: str,
    ) -> SyncReport:
        """Judge, plan and apply until nothing more turns approved."""
        applied: list[Applied] = []
        made = Plan(pairs=(), blocked=(), unmanaged=0)
        for _ in range(ROUNDS):
            fresh: tuple[Verdict, ...] = ()
            if head is not None:
                try:
                    with self._outside.telemetry.span("judge"):
                        judged = walker.judge_open()
                    fresh, waiting = judged.verdicts, waiting or judged.waiting
                except IncompleteError as error:
                    waiting = waiting or f"open promotions were not judged again: {error}"
            verdicts += fresh
            with self._outside.telemetry.span("apply"):
                made, done = self._round(journal)
            applied += done
            if not any(a.result == "applied" for a in done) and not any(v.answer == "approved" for v in fresh):
                break
        return self._report(
            journal,
            head,
            began=began,
            recovered=recovered,
            observed=observed,
            verdicts=verdicts,
            applied=applied,
            made=made,
            waiting=waiting,
        )

    def _round(self, journal: LedgerJournal) -> tuple[Plan, list[Applied]]:
        state = recall(journal.memory, self._outside.source, self._desired)
        policy = self._desired.governance(authorized_governance(state)).policy
        if policy is None:
            return Plan(pairs=(), blocked=(), unmanaged=0), []
        targets = (
            (p.id, review_target(p, policy, state.authorized, state.declared.values)) for p in state.open.values()
        )
        self._targets = tuple((name, target) for name, target in targets if target is not None)
        actual = self._outside.registry.snapshot()
        made = self._claimant.sift(plan(state, policy, actual), journal.memory)
        names: dict[Key, str] = {pair.key: pair.registered for pair in made.pairs}
        applier = Applier(self._outside.registry, journal, self._scribe(state.origin, names), state.revision)
        for blocked in made.blocked:
            applier.alarm_once("identity" if blocked.identity else "blocked", blocked.key, blocked.reason)
        done = [applier.carry_out(pair, actual.models.get(pair.registered)) for pair in made.pairs]
        return made, done

    def _reopen(self) -> LedgerJournal | None:
        """The ledger as it is; None where there is none, and none was known."""
        outside = self._outside
        try:
            ledger, self._kept, self._epoch = reopen(
                store=outside.store,
                known=outside.known,
                log_signer=outside.log_signer,
                entry_signer=outside.entry_signer,
                gate=self._gate,
                now=self._now,
                kept=self._kept,
            )
        except LedgerMissingError:
            refuse_genesis(outside.known)
            return None
        self._ledger = ledger
        self._claimant.go_on(self._kept.memory)
        return LedgerJournal(ledger, self._kept.memory)

    def _begin(self, head: str | None) -> LedgerJournal:
        if head is None:
            raise UnreachableError("a ledger cannot begin while the repository does not answer")
        self._epoch = self._gate.begin(())
        beginning = Beginning(
            config=self._config,
            source=self._outside.source,
            registry=self._outside.registry,
            desired=self._desired,
            facts=self._facts,
        )
        origin, state, snapshot = beginning.at(head)
        self._claimant.begin(origin, self._now)
        scribe = self._scribe(origin, {})
        first = scribe.genesis(
            binding_of(self._config, origin),
            trust_root=state.revision,
            authorized=state.authorized,
            declared=state.declared.values,
            snapshot=body_digest(snapshot),
        )
        ledger = Ledger.create(
            self._outside.store,
            origin=origin,
            log_signer=self._outside.log_signer,
            entry_signer=self._outside.entry_signer,
            first=first,
            header=scribe.header,
            evidence={body_digest(snapshot): snapshot} | recorded(authorized_governance(state))[1],
        )
        self._ledger = ledger
        return LedgerJournal(ledger, remember(ledger))

    def _scribe(self, origin: str, names: dict[Key, str]) -> Scribe:
        assert self._epoch is not None
        return Scribe(
            sync=self._config.name,
            epoch=self._epoch,
            now=self._now,
            origin=origin,
            names=names,
            image=self._outside.image,
        )

    def _report(
        self,
        journal: LedgerJournal,
        head: str | None,
        *,
        began: bool,
        recovered: tuple[tuple[int, str], ...],
        observed: int = 0,
        verdicts: list[Verdict] | None = None,
        applied: list[Applied] | None = None,
        made: Plan | None = None,
        stalled: str = "",
        waiting: str = "",
        rebind: str = "",
    ) -> SyncReport:
        return SyncReport(
            head=head,
            revision=journal.memory.revision,
            began=began,
            recovered=recovered,
            observed=observed,
            verdicts=tuple(verdicts or ()),
            applied=tuple(applied or ()),
            blocked=made.blocked if made else (),
            # where it stalls, the last revision may not even be readable
            problems=() if stalled else self._desired.at(journal.memory.revision).problems,
            unmanaged=made.unmanaged if made else 0,
            stalled=stalled,
            waiting=waiting or self._claimant.waiting,
            ledger_size=journal.size,
            rebind=rebind,
            review_targets=self._targets,
        )
