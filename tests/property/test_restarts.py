"""A controller restarted before every sync, on a mirror made anew, decides and writes the same as one that stays up.

The ledgers of the two are compared to the byte. Clock and keys are given, so nothing but decisions could differ.
"""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from stagewright.app.memory import Memory
from stagewright.app.recall import recall
from tests.bank import GOVERNANCE, LIGHT, MODEL, Bank, Pull, policy, rule

OTHER = "churn"
RULES = policy(LIGHT, rule("plain", "Production", approvals=[(1, "@acme/model-risk")], after=["Staging"]), GOVERNANCE)


class Story:
    """One world, and two controllers with a ledger and a registry each: `live` stays up, `fresh` never does."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.live = Bank(root / "live", rules=RULES, prepare=prepare)
        for model in (MODEL, OTHER):
            for _ in range(2):
                self.live.train(model)
        (root / "live" / "ledger").mkdir()
        self.fresh = self.live.fork(root / "fresh")
        self.pulls: list[Pull] = []
        self.tags: list[str] = []
        self.stages: dict[str, dict[str, Any]] = {MODEL: {}, OTHER: {}}
        self.specs: dict[str, dict[str, Any]] = {MODEL: {}, OTHER: {"card": None}}

    def sync(self) -> None:
        reports = [self.live.sync()]
        shutil.rmtree(self.root / "mirror", ignore_errors=True)
        self.fresh.configure(mirror=str(self.root / "mirror"))
        reports.append(self.fresh.sync())
        assert reports[0] == reports[1]
        assert self.live.ledger().checkpoint == self.fresh.ledger().checkpoint
        assert self.live.state() == self.fresh.state()
        memory = self.live.recorded()
        assert shown(self.live._syncer.memory) == shown(memory)
        assert recall(memory, self.live.source, self.live._syncer._desired) == self.fresh.state()
        assert self.live.memory_registry.models == self.fresh.memory_registry.models
        assert memory.open_intents == ()

    def propose(self, model: str, stage: str, value: Any, *approvers: str) -> None:
        held = self.stages[model]
        held.pop(stage, None)
        if value is not None:
            held[stage] = value
        pull = self.live.propose(model, held, **self.specs[model])
        self.tags += [self.live.approve(name, pull) for name in approvers]
        self.live.merge(pull)
        self.pulls.append(pull)

    def respec(self, model: str, *approvers: str, **spec: Any) -> None:
        self.specs[model] |= spec
        pull = self.live.propose(model, self.stages[model], **self.specs[model])
        self.tags += [self.live.approve(name, pull) for name in approvers]
        self.live.merge(pull)
        self.pulls.append(pull)

    def decide_late(self, decision: str, who: str) -> None:
        for pull in self.pulls[-2:]:
            if pull.subjects:
                self.tags.append(self.live.world.decide(who, decision, pull.head, pull.subjects))

    def withdraw(self) -> None:
        if self.tags:
            self.live.world.delete_tag(self.tags.pop())

    def push(self, text: str) -> None:
        self.live.world.push_main("maintainer", {f"models/{OTHER}.yaml": text})

    def drift(self, alias: str, version: int) -> None:
        for bank in (self.live, self.fresh):
            bank.memory_registry.set_alias(MODEL, alias, version)

    def govern(self, *approvers: str) -> None:
        rules = policy(LIGHT, rule("two", "Production", approvals=[(2, "@acme/model-risk")]), GOVERNANCE)
        pull = self.live.branch({"stagewright.yaml": rules})
        for name in approvers:
            self.live.world.approve(name, pull.head, pull.subjects or ["0" * 64])
        self.live.merge(pull)
        self.pulls.append(pull)


def shown(memory: Memory | None) -> dict[str, Any]:
    """All that is remembered, without where evidence is read from."""
    return {field.name: getattr(memory, field.name) for field in fields(Memory) if field.name != "bodies"}


def prepare(bank: Bank) -> dict[str, str]:
    return {f"models/{OTHER}.yaml": bank.text(OTHER, {}, card=None)}


ACTIONS: dict[str, Callable[[Story], None]] = {
    "sync": Story.sync,
    "staging 1, approved": lambda s: s.propose(MODEL, "Staging", 1, "noor"),
    "staging 2, approved": lambda s: s.propose(MODEL, "Staging", 2, "olga"),
    "staging 2, not approved": lambda s: s.propose(MODEL, "Staging", 2),
    "staging none, approved": lambda s: s.propose(MODEL, "Staging", "none", "noor"),
    "staging released": lambda s: s.propose(MODEL, "Staging", None, "noor"),
    "production 1, approved": lambda s: s.propose(MODEL, "Production", 1, "mo"),
    "production 2, not approved": lambda s: s.propose(MODEL, "Production", 2),
    "other staging, approved": lambda s: s.propose(OTHER, "Staging", 1, "noor"),
    "other observed": lambda s: s.respec(OTHER, "noor", "mo", "pat", mode="observe"),
    "tier lowered": lambda s: s.respec(MODEL, "noor", riskTier="low"),
    "governance, approved": lambda s: s.govern("mo", "pat"),
    "governance, not approved": lambda s: s.govern("mo"),
    "late approval": lambda s: s.decide_late("approve", "noor"),
    "late approval of risk": lambda s: s.decide_late("approve", "mo"),
    "late rejection": lambda s: s.decide_late("reject", "olga"),
    "tag deleted": Story.withdraw,
    "pushed broken": lambda s: s.push("spec: ["),
    "pushed": lambda s: s.push(s.live.text(OTHER, {"Staging": 2}, card=None)),
    "drift": lambda s: s.drift("challenger", 2),
}


@settings(max_examples=2, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(names=st.lists(st.one_of(st.just("sync"), st.sampled_from(sorted(ACTIONS))), min_size=6, max_size=10))
@example(names=["staging 2, not approved", "sync", "tag deleted", "late approval", "drift", "sync", "drift", "sync"])
@example(
    names=["pushed", "sync", "pushed broken", "other staging, approved", "sync", "other observed", "sync", "pushed"]
)
@example(
    names=["production 2, not approved", "late approval of risk", "sync", "staging 2, approved", "sync", "tag deleted"]
)
@example(
    names=["governance, not approved", "staging 1, approved", "sync", "late approval of risk", "tier lowered", "sync"]
)
def test_restart_before_every_sync_changes_nothing(names: list[str]):
    with tempfile.TemporaryDirectory() as folder:
        story = Story(Path(folder))
        story.sync()
        for name in names:
            ACTIONS[name](story)
        story.sync()
        size = story.live.ledger().size
        story.sync()
        assert story.live.ledger().size == size
        story.live.verified()
