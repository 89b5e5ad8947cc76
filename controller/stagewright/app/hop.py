"""The deployment hop over ports: workloads are looked at, written down, and rolled where that is wanted."""

from dataclasses import dataclass

from stagewright.app.journal import Journal
from stagewright.app.record import Scribe
from stagewright.core.hop import due, news
from stagewright.errors import LeaseLostError, StagewrightError
from stagewright.ledger import predicates as entry
from stagewright.ledger.statement import Statement, model_subject
from stagewright.model.desired import StageEntry
from stagewright.model.keys import StageKey
from stagewright.model.workload import Sighting
from stagewright.ports import Workloads


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One look at the workloads of one configuration. `roll`: those whose stage changed are rolled."""

    workloads: Workloads
    journal: Journal
    scribe: Scribe
    roll: bool

    def look(self) -> str:
        """Write down what is new, and roll what is due. What could not be done, in words; empty when all was."""
        try:
            seen, gone = self.workloads.observe(frozenset(self.journal.memory.sightings))
        except StagewrightError as error:
            return f"workloads were not looked at: {error}"
        # a model that git does not name is somebody else's, or nobody's
        seen = tuple(found for found in seen if StageKey(found.model, found.stage) in self.journal.memory.authorized)
        ended, begun = news(self.journal.memory.sightings, seen, gone, self.scribe.now)
        statements = [self._statement(sighting, ended=True) for sighting in ended]
        statements += [self._statement(sighting, ended=False) for sighting in begun]
        if statements:
            self.journal.append(statements)
        failed = []
        for workload, intent in due(seen, self.journal.memory.moves) if self.roll else ():
            try:
                self.workloads.roll(workload, intent)
            except LeaseLostError:
                raise
            except StagewrightError as error:
                failed.append(f"{workload} was not rolled for intent {intent}: {error}")
        return "; ".join(failed)

    def _statement(self, sighting: Sighting, *, ended: bool) -> Statement:
        seen = sighting.workload
        predicate = entry.Deployment(
            **self.scribe.header.fields(),
            workload=entry.Workload(kind=seen.kind, namespace=seen.namespace, name=seen.name, uid=seen.uid),
            images=seen.images,
            model=seen.model,
            stage=seen.stage,
            version=seen.version,
            rolled_for=seen.rolled_for,
            from_=sighting.since,
            to=self.scribe.now if ended else None,
        )
        key = StageKey(seen.model, seen.stage)
        value = self.journal.memory.authorized.get(key)
        if isinstance(value, StageEntry):
            name = self.scribe.names.get(key, key.model)
            return Statement(subject=(model_subject(name, value.version, value.digest),), predicate=predicate)
        return Statement(subject=self.scribe.commit(self.journal.memory.revision), predicate=predicate)
