"""A week of the bank as a controller tells it to its observers: each reconcile with its report and memory."""

import pytest

from stagewright.kube.observer import ObjectRef, Reconciled, Result
from tests.bank import MODEL, Bank

REF = ObjectRef(namespace="ml", name="bank", uid="6f1c")


def reconciled(bank: Bank, result: Result = "synced") -> Reconciled:
    """One sync, as a reconcile that took a second and a half."""
    report = bank.sync()
    return Reconciled(
        ref=REF,
        resource=None,
        result=result,
        at=bank.clock.now(),
        duration_s=1.5,
        report=report,
        memory=bank.recorded(),
        error=None,
        since=0,
    )


@pytest.fixture(scope="session")
def week(tmp_path_factory: pytest.TempPathFactory) -> tuple[Reconciled, ...]:
    """Genesis; an approved promotion; one that waits; drift, corrected; a version that is not what it was; approval."""
    bank = Bank(tmp_path_factory.mktemp("week"))
    for _ in range(2):
        bank.train()
    days = [reconciled(bank)]
    bank.promote(MODEL, {"Staging": 1}, "noor")
    days.append(reconciled(bank))
    waiting = bank.propose(MODEL, {"Staging": 1, "Production": 1})
    bank.merge(waiting)
    days.append(reconciled(bank))
    bank.clock.forward(hours=50)
    bank.memory_registry.set_alias(MODEL, "challenger", 2)
    days.append(reconciled(bank))
    version = bank.memory_registry.models[MODEL].versions[1]
    version.status = "FAILED_REGISTRATION"
    days.append(reconciled(bank))
    version.status = "READY"
    bank.approve("noor", waiting)
    bank.approve("mo", waiting)
    days.append(reconciled(bank))
    return tuple(days)
