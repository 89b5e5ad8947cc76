"""Whoever registers a version chooses where its files lie. Where nothing answers there, that stops nobody else."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from stagewright.errors import ForbiddenError, UnreachableError
from stagewright.model.actual import ActualModel, ActualState, VersionFacts
from stagewright.model.plan import Action
from tests.bank import MODEL, Bank, answers
from tests.fakes.registry import InMemoryRegistry

TWIN = "churn"


@dataclass
class DeadStore:
    """The registry of a bank; what is asked in depth of the model `dead` is an error."""

    under: InMemoryRegistry
    error: type[Exception] = UnreachableError
    dead: str = ""

    def snapshot(self) -> ActualState:
        return self.under.snapshot()

    def model(self, name: str) -> ActualModel | None:
        return self.under.model(name)

    def version_facts(self, name: str, version: int) -> VersionFacts | None:
        if name == self.dead:
            raise self.error("the artifact store does not answer")
        return self.under.version_facts(name, version)

    def apply(self, action: Action) -> None:
        self.under.apply(action)


def begun(root: Path) -> tuple[Bank, DeadStore]:
    bank = Bank(root, prepare=lambda bank: {f"models/{TWIN}.yaml": bank.text(TWIN, card=None)})
    for model in (MODEL, TWIN):
        bank.train(model)
        bank.train(model)
    store = DeadStore(bank.memory_registry)
    bank.registry = store
    bank.restart()
    bank.sync()
    return bank, store


@pytest.mark.parametrize("error", [UnreachableError, ForbiddenError])
def test_open_promotion_of_a_version_that_cannot_be_read_keeps_no_other_waiting(tmp_path: Path, error: type[Exception]):
    bank, store = begun(tmp_path)
    stuck = bank.promote(TWIN, {"Staging": 1}, card=None)
    honest = bank.promote(MODEL, {"Staging": 1})
    assert set(answers(bank.sync()).values()) == {"pending"}
    store.dead, store.error = TWIN, error
    bank.approve("noor", stuck)
    bank.approve("noor", honest)
    report = bank.sync()
    assert answers(report) == {f"{MODEL}/Staging": "approved"}
    assert "churn/Staging was not judged again: version 1 of 'churn' cannot be read" in report.waiting
    assert (bank.aliases(), bank.aliases(TWIN)) == ({"challenger": 1}, {})
    store.dead = ""
    assert answers(bank.sync()) == {f"{TWIN}/Staging": "approved"}
    assert bank.aliases(TWIN) == {"challenger": 1}
    bank.verified()


@pytest.mark.parametrize("error", [UnreachableError, ForbiddenError])
def test_step_that_names_such_a_version_waits_while_drift_is_corrected(tmp_path: Path, error: type[Exception]):
    bank, store = begun(tmp_path)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    store.dead, store.error = TWIN, error
    bank.promote(TWIN, {"Staging": 1}, "noor", card=None)
    bank.memory_registry.set_alias(MODEL, "challenger", 2)
    report = bank.sync()
    assert (report.verdicts, bank.aliases(), bank.aliases(TWIN)) == ((), {"challenger": 1}, {})
    assert "version 1 of 'churn' cannot be read" in report.waiting
    store.dead = ""
    assert answers(bank.sync()) == {f"{TWIN}/Staging": "approved"}
    bank.verified()


@pytest.mark.parametrize("error", [UnreachableError, ForbiddenError])
def test_version_that_cannot_be_read_before_the_write_blocks_its_own_pair_only(tmp_path: Path, error: type[Exception]):
    bank, store = begun(tmp_path)
    bank.promote(TWIN, {"Staging": 1}, "noor", card=None)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    store.dead, store.error = TWIN, error
    for model in (MODEL, TWIN):
        bank.memory_registry.set_alias(model, "challenger", 2)
    report = bank.sync()
    assert {str(a.pair.key): a.result for a in report.applied} == {
        f"{MODEL}/Staging": "applied",
        f"{TWIN}/Staging": "blocked",
    }
    assert (bank.aliases(), bank.aliases(TWIN)) == ({"challenger": 1}, {"challenger": 2})
    store.dead = ""
    bank.sync()
    assert bank.aliases(TWIN) == {"challenger": 1}
    bank.verified()
