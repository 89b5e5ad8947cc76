"""What things cost beside what they cannot do without: ratios, both sides measured in this one run.

    PYTHONPATH=. .venv/bin/python benchmarks/ratios.py

Every line names two jobs, how long each took, and the first as a multiple of the second. The multiples are what can be
compared between machines; the seconds are not.
"""

import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from stagewright.adapters.directory import DirectoryStore
from stagewright.core.fold import fold
from stagewright.ledger.log import Ledger
from stagewright.ledger.merkle import leaf_hash
from stagewright.ledger.verification import verify
from stagewright.model.desired import DesiredState, GovernanceValue, Spec, Values
from stagewright.model.keys import GovernanceKey, SpecKey
from stagewright.model.policy import Governance
from stagewright.model.promotion import Step
from stagewright.model.state import Facts, State
from tests.fakes import ledger_entries as given

ENTRIES = 300
STEPS = 400
MODELS = 200


def seconds(job: Callable[[], object], repeat: int = 3) -> float:
    """The shortest of some runs, in seconds."""
    found = []
    for _ in range(repeat):
        start = time.perf_counter()
        job()
        found.append(time.perf_counter() - start)
    return min(found)


def told(what: str, cost: float, beside: str, least: float) -> None:
    print(f"{what:<46} {cost:8.3f} s   {beside:<40} {least:8.3f} s   x {cost / least:6.1f}")


def help_beside_python() -> None:
    def run(*arguments: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    told(
        "stagewright --help", seconds(run("-m", "stagewright", "--help")), "python -c pass", seconds(run("-c", "pass"))
    )


def ledger_beside_files() -> None:
    with tempfile.TemporaryDirectory() as room:
        ledger = given.created(DirectoryStore(Path(room) / "ledger"))

        def append() -> None:
            for second in range(ENTRIES):
                ledger.append([given.revision(second + 1)])

        def plain() -> None:
            for number in range(ENTRIES):
                with (Path(room) / f"{number}").open("wb") as file:
                    file.write(b"x" * 2000)
                    file.flush()
                    os.fsync(file.fileno())

        appended = seconds(append, repeat=1)
        told(f"append {ENTRIES} entries, each durable", appended, f"write and fsync {ENTRIES} files", seconds(plain))
        raw = [entry.raw for entry in Ledger.read(DirectoryStore(Path(room) / "ledger")).entries()]
        checked = seconds(lambda: verify(DirectoryStore(Path(room) / "ledger"), log_key=None, checkpoints=()), repeat=1)
        told(
            f"verify {len(raw)} entries and every tile",
            checked,
            "hash their bytes",
            seconds(lambda: [*map(leaf_hash, raw)]),
        )


def fold_beside_comparing() -> None:
    governance = GovernanceValue(policy="p", allowed_signers=None, codeowners=())
    values: Values = {GovernanceKey(): governance} | {
        SpecKey(f"m{n}"): Spec(owner="@a", purpose="p", risk_tier="low", card=None, mode=None, registered_model=f"m{n}")
        for n in range(MODELS)
    }
    states = [DesiredState(commit=f"{0:040x}", values=values, cards={})]
    for number in range(STEPS):
        key = SpecKey(f"m{number % MODELS}")
        changed = replace(states[-1].values[key], purpose=f"p{number}")  # type: ignore[type-var] # a spec
        states.append(DesiredState(commit=f"{number + 1:040x}", values={**states[-1].values, key: changed}, cards={}))
    steps = [
        Step(position=n + 1, first_parent=a.commit, commit=b.commit, parents=1, before=a, after=b, pull=None)
        for n, (a, b) in enumerate(itertools.pairwise(states))
    ]
    facts = Facts(
        now=datetime(2026, 1, 1, tzinfo=UTC),
        branch="main",
        governances={governance: Governance(value=governance, digest="d", policy=None, owners=(), signers=(), path="")},
        versions={},
        teams={},
    )
    begun = State(
        origin="o",
        revision=states[0].commit,
        position=0,
        declared=states[0],
        authorized=values,
        authorized_by={},
        open={},
        held={},
        ever_held=frozenset(),
    )
    cost = seconds(lambda: fold(begun, steps, facts))
    least = seconds(lambda: [a.values == b.values for a, b in itertools.pairwise(states)])
    told(f"fold {STEPS} steps of {MODELS} models", cost, "compare their desired states", least)


if __name__ == "__main__":
    help_beside_python()
    ledger_beside_files()
    fold_beside_comparing()
