"""A second reading of docs/fold.md: slow, naive, and written from the page alone.

It shares no code with the engine. It speaks the values of `stagewright.model`, so that both can be asked the same
question, and nothing else: digests, people, owners, slots and tiers are worked out here anew, by brute force.
Of CODEOWNERS it knows three patterns: `*`, a whole path (`/models/credit.yaml`) and a folder (`/models/`).
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import rfc8785

from stagewright.model.actual import VersionFacts
from stagewright.model.desired import DesiredState, GovernanceValue, Nobody, Spec, StageEntry, Value
from stagewright.model.keys import GovernanceKey, Key, SpecKey, StageKey
from stagewright.model.policy import Governance, Policy, Rule
from stagewright.model.promotion import Promotion, Step
from stagewright.model.review import PullRequest
from stagewright.model.state import Facts
from tests.property.naive_people import (
    People,
    accounts,
    assignable,
    contributors,
    counts,
    decisions,
    entitled,
    owners,
    policy_of,
)

WEIGHT = {"low": 0, "medium": 1, "high": 2}
WORSE = {"approved": 0, "pending": 1, "refused": 2}
GOVERNANCE = GovernanceKey()


def sha(data: Any) -> str:
    return hashlib.sha256(rfc8785.dumps(data)).hexdigest()


def plain(value: Value | None) -> Any:
    """A value as the JSON that is hashed."""
    if value is None:
        return None
    if isinstance(value, Nobody):
        return "none"
    if isinstance(value, StageEntry):
        entry: dict[str, Any] = {"version": value.version, "digest": value.digest, "evidence": value.evidence}
        if value.run_id is not None:
            entry["runId"] = value.run_id
        if value.model_id is not None:
            entry["modelId"] = value.model_id
        if value.source is not None:
            entry["source"] = value.source
        if value.trainer is not None:
            entry["trainer"] = {"name": value.trainer.name, "declared": value.trainer.declared}
        return entry
    if isinstance(value, Spec):
        return {
            "owner": value.owner,
            "purpose": value.purpose,
            "riskTier": value.risk_tier,
            "card": value.card,
            "mode": value.mode,
            "registeredModel": value.registered_model,
            "withdrawn": list(value.withdrawn),
        }
    return {
        "policy": value.policy,
        "allowedSigners": value.allowed_signers,
        "codeowners": [{"location": file.location, "lines": list(file.lines)} for file in value.codeowners],
    }


def pins(value: Value) -> Any:
    """An entry without who trained it."""
    return {name: pin for name, pin in plain(value).items() if name != "trainer"}


def around(state: DesiredState, key: Key) -> tuple[Value | None, str | None]:
    """@spec and the card at a commit, as far as they belong to the key."""
    if isinstance(key, GovernanceKey):
        return None, None
    return state.values.get(SpecKey(key.model)), state.cards.get(key.model)


def subject(origin: str, key: Key, before: DesiredState, after: DesiredState) -> str:
    spec, card = around(after, key)
    return sha(
        {
            "origin": origin,
            "key": str(key),
            "from": plain(before.values.get(key)),
            "to": plain(after.values.get(key)),
            "spec": None if spec is None else sha(plain(spec)),
            "card": card,
        }
    )


def changed(before: DesiredState, after: DesiredState) -> list[Key]:
    keys = {*before.values, *after.values}
    return sorted((key for key in keys if before.values.get(key) != after.values.get(key)), key=str)


def subjects(origin: str, before: DesiredState, after: DesiredState) -> frozenset[str]:
    return frozenset(subject(origin, key, before, after) for key in changed(before, after))


def touched(state: DesiredState, parents: Iterable[DesiredState]) -> frozenset[Key]:
    """The keys whose value, spec or card a commit changes against every one of its parents."""
    old = list(parents)
    keys = {key for one in (state, *old) for key in one.values}
    return frozenset(
        key
        for key in keys
        if all((state.values.get(key), around(state, key)) != (one.values.get(key), around(one, key)) for one in old)
    )


def brought(
    state: DesiredState, inside: Iterable[DesiredState], head: DesiredState, base: DesiredState
) -> frozenset[Key]:
    """The keys that a commit has as the pull request promotes them, and that it has from outside of it."""
    old = [base, *inside]
    return frozenset(
        key
        for key in (*head.values, *base.values, *state.values)
        if (state.values.get(key), around(state, key)) == (head.values.get(key), around(head, key))
        and not any(
            (one.values.get(key), around(one, key)) == (state.values.get(key), around(state, key)) for one in old
        )
    )


def heavier(*tiers: str) -> str:
    return max(tiers, key=lambda tier: WEIGHT[tier])


def tier(value: Value | None, *, absent: str) -> str:
    return value.risk_tier if isinstance(value, Spec) else absent


def for_stage(policy: Policy, stage: str, weight: str) -> list[Rule]:
    return [rule for rule in policy.rules if stage in rule.stages and weight in rule.risk_tiers]


def rules_for(reading: "Reading", promotion: Promotion, policy: Policy) -> list[Rule]:
    key = promotion.key
    governed = [stage.name for stage in policy.stages if not stage.ungoverned]
    if isinstance(key, GovernanceKey):
        special = [rule for rule in policy.rules if rule.governance]
        return special or list(policy.rules)
    authorized = tier(reading.authorized.get(SpecKey(key.model)), absent="high")
    if isinstance(key, StageKey):
        at_step = tier(promotion.spec, absent="low")
        declared = tier(reading.declared.values.get(SpecKey(key.model)), absent="low")
        weight = heavier(authorized, at_step, declared)
        return for_stage(policy, key.stage, weight) if key.stage in governed else []
    old, new = reading.authorized.get(SpecKey(key.model)), promotion.after
    if isinstance(old, Spec) and old.registered_model != (new.registered_model if isinstance(new, Spec) else key.model):
        authorized = "high"
    proposed = tier(promotion.after, absent="low")
    holds = [
        other.stage
        for other, value in reading.authorized.items()
        if isinstance(other, StageKey) and other.model == key.model and isinstance(value, StageEntry)
    ]
    chosen = [rule for stage in holds or governed for rule in for_stage(policy, stage, heavier(authorized, proposed))]
    if promotion.after is not None and WEIGHT[proposed] < WEIGHT[authorized]:
        chosen += [rule for stage in governed for rule in for_stage(policy, stage, "high")]
    return [rule for rule in policy.rules if rule in chosen]


def paths_for(promotion: Promotion, governance: Governance) -> list[str]:
    root = f"{governance.path}/" if governance.path else ""
    if not isinstance(promotion.key, GovernanceKey):
        return [f"{root}models/{promotion.key.model}.yaml"]
    old, new = promotion.before, promotion.after
    assert isinstance(old, GovernanceValue)
    assert isinstance(new, GovernanceValue)
    paths = []
    if old.policy != new.policy:
        paths.append(f"{root}stagewright.yaml")
    if old.allowed_signers != new.allowed_signers:
        paths.append(f"{root}allowed_signers")
    locations = {file.location for file in (*old.codeowners, *new.codeowners)}
    for location in sorted(locations):
        one = [file for file in old.codeowners if file.location == location]
        other = [file for file in new.codeowners if file.location == location]
        if one != other:
            paths.append(location)
    return paths


@dataclass
class Reading:
    """The state, and what a sync does to it."""

    origin: str
    declared: DesiredState
    authorized: dict[Key, Value]
    held: set[tuple[str, str, str]]
    open: dict[Key, Promotion] = field(default_factory=dict)
    bound: Mapping[str, str | None] = field(default_factory=dict)

    @classmethod
    def begin(cls, origin: str, declared: DesiredState, found: Mapping[StageKey, Value]) -> "Reading":
        """Governance and specs from git, entries from the registry: as declared where the two are one version."""
        authorized: dict[Key, Value] = {
            key: value for key, value in declared.values.items() if not isinstance(key, StageKey)
        }
        for key, value in found.items():
            said = declared.values.get(key)
            same = isinstance(said, StageEntry) and isinstance(value, StageEntry) and pins(said) == pins(value)
            authorized[key] = said if said is not None and same else value
        held = {
            (key.model, key.stage, value.digest)
            for key, value in authorized.items()
            if isinstance(key, StageKey) and isinstance(value, StageEntry)
        }
        return cls(origin=origin, declared=declared, authorized=authorized, held=held)

    def step(self, change: Step, facts: Facts) -> tuple[dict[Key, tuple[str, bool]], set[str]]:
        """Answers by key (with whether it is a restore), and the ids of what was superseded."""
        law = self.authorized[GOVERNANCE]
        assert isinstance(law, GovernanceValue)
        before = replace_declared(self, change.after)
        keys = changed(change.before, change.after)
        promotions = [self.promotion(change, key, law) for key in keys]
        real = [p.key for p in promotions if p.after != self.authorized.get(p.key)]
        mixed = GOVERNANCE in real and len(real) > 1
        clashing: set[Key] = set()
        writing = [p for p in promotions if p.key in real and p.key != GOVERNANCE and p.after is not None]
        for one in writing:
            for other in writing:
                if model_of(one.key) != model_of(other.key) and self.written(one) == self.written(other):
                    clashing.add(one.key)
        answers: dict[Key, tuple[str, bool]] = {}
        for promotion in promotions:
            answer, restore = before.judge(promotion, facts)
            alone = not mixed and promotion.key not in clashing
            answers[promotion.key] = (answer, restore) if alone or restore else ("refused", False)
        superseded = {self.open.pop(key).id for key in keys if key in self.open}
        for promotion in promotions:
            self.settle(promotion, answers[promotion.key][0])
        self.declared = change.after
        return answers, superseded

    def again(self, facts: Facts, pulls: Mapping[str, PullRequest | None]) -> dict[Key, tuple[str, bool]]:
        """A second look at what is open: the governance first, then the oldest, then by key."""
        answers = {}
        waiting = sorted(self.open.values(), key=lambda p: (p.key != GOVERNANCE, p.position, order(p.key)))
        for promotion in waiting:
            fresh = replace(promotion, pull=pulls[promotion.id])
            answers[promotion.key] = self.judge(fresh, facts)
            self.settle(fresh, answers[promotion.key][0])
        return answers

    def settle(self, promotion: Promotion, answer: str) -> None:
        self.open.pop(promotion.key, None)
        if answer == "approved":
            self.authorized.pop(promotion.key, None)
            if promotion.after is not None:
                self.authorized[promotion.key] = promotion.after
        elif answer == "pending":
            self.open[promotion.key] = promotion

    def promotion(self, change: Step, key: Key, law: GovernanceValue) -> Promotion:
        before, after = change.before.values.get(key), change.after.values.get(key)
        name = {"origin": self.origin, "commit": change.commit, "key": str(key)}
        spec, card = around(change.after, key)
        return Promotion(
            id=sha({**name, "from": plain(before), "to": plain(after)}),
            key=key,
            before=before,
            after=after,
            subject=subject(self.origin, key, change.before, change.after),
            first_parent=change.first_parent,
            commit=change.commit,
            position=change.position,
            parents=change.parents,
            governance=law,
            spec=spec,
            card=card,
            pull=change.pull,
        )

    def judge(self, promotion: Promotion, facts: Facts) -> tuple[str, bool]:
        if promotion.after == self.authorized.get(promotion.key):
            return "approved", True
        if promotion.key == GOVERNANCE:
            new = promotion.after
            if promotion.before != self.authorized.get(GOVERNANCE) or not isinstance(new, GovernanceValue):
                return "refused", False
            policy = facts.governances[new].policy
            if policy is None or policy.origin != self.origin:
                return "refused", False
        elif self.taken(promotion):
            return "refused", False
        pull = promotion.pull
        if pull is None or pull.base_branch != facts.branch or promotion.parents > 2:
            return "refused", False
        if not counts(pull.head, promotion.subject):
            return "refused", False
        now = self.authorized[GOVERNANCE]
        assert isinstance(now, GovernanceValue)
        both = [self.evaluate(promotion, pull, facts, facts.governances[law]) for law in (promotion.governance, now)]
        return max(both, key=lambda answer: WORSE[answer]), False

    def evaluate(self, promotion: Promotion, pull: PullRequest, facts: Facts, governance: Governance) -> str:
        if governance.policy is None:
            return "refused"
        policy = policy_of(governance)
        rules = rules_for(self, promotion, policy)
        if not rules:
            return "refused"
        paths = paths_for(promotion, governance)
        sources = [source for rule in rules for approval in rule.approvals for source in approval.sources]
        if "codeowners" in sources and any(not owners(governance, path) for path in paths):
            return "refused"
        version = self.version(promotion, facts)
        people = People(governance, facts, accounts(pull), self.bound)
        makers = contributors(promotion, pull, people, version)
        yes, no = decisions(promotion, pull, people)
        found: set[str] = set()
        for rule in rules:
            allowed = [
                [person for person in yes - makers.people if entitled(people, person, approval.sources, paths)]
                for approval in rule.approvals
                for _ in range(approval.count)
            ]
            if not assignable(allowed):
                found.add("missing")
            for approval in rule.approvals:
                if any(entitled(people, person, approval.sources, paths) for person in no):
                    found.add("missing")
                if any(people.nowhere(source, paths) for source in approval.sources):
                    found.add("missing")
            if not makers.author_known or not makers.committers_known:
                found.add("missing")
            entry = promotion.after
            if isinstance(entry, StageEntry) and "trainer" in rule.independent_of and not makers.trainer_known:
                found.add("missing")
            if isinstance(entry, StageEntry) and isinstance(promotion.key, StageKey):
                found |= self.entry(rule, promotion, promotion.key, entry, version)
        if "violated" in found:
            return "refused"
        return "pending" if "missing" in found else "approved"

    def called(self, model: str) -> str:
        """What MLflow calls a model, small letters only."""
        spec = self.authorized.get(SpecKey(model))
        return (spec.registered_model if isinstance(spec, Spec) else model).casefold()

    def written(self, promotion: Promotion) -> str:
        """What MLflow calls the model that a promotion is about, once it is approved."""
        if isinstance(promotion.key, SpecKey):
            new = promotion.after
            return (new.registered_model if isinstance(new, Spec) else promotion.key.model).casefold()
        return self.called(model_of(promotion.key))

    def taken(self, promotion: Promotion) -> bool:
        """Whether that is another model's already. A release writes nothing; neither does a model without a pair."""
        own = model_of(promotion.key)
        pairs = [key for key in self.authorized if isinstance(key, StageKey) and key.model == own]
        if promotion.after is None and (isinstance(promotion.key, StageKey) or not pairs):
            return False
        others = {model_of(key) for key in self.authorized if key != GOVERNANCE} - {own}
        return any(self.called(other) == self.written(promotion) for other in others)

    def version(self, promotion: Promotion, facts: Facts) -> VersionFacts | None:
        if not isinstance(promotion.key, StageKey) or not isinstance(promotion.after, StageEntry):
            return None
        spec = self.authorized.get(SpecKey(promotion.key.model))
        name = spec.registered_model if isinstance(spec, Spec) else promotion.key.model
        return facts.versions[name, promotion.after.version]

    def entry(
        self, rule: Rule, promotion: Promotion, key: StageKey, entry: StageEntry, version: VersionFacts | None
    ) -> set[str]:
        """What evidence, `after` and the pins say of an entry under one rule."""
        spec = promotion.spec if isinstance(promotion.spec, Spec) else None
        there = {
            "owner": spec is not None and bool(spec.owner),
            "purpose": spec is not None and bool(spec.purpose),
            "card": promotion.card is not None,
            "datasets": version is not None and any(data_set.digest for data_set in version.data_sets),
            "digest": version is not None and version.digest is not None,
        }
        found = {"missing" for kind in rule.evidence if not there[kind]}
        found |= {"missing" for stage in rule.after if (key.model, stage, entry.digest) not in self.held}
        authorized = self.authorized.get(SpecKey(key.model))
        if isinstance(authorized, Spec) and entry.digest in authorized.withdrawn:
            found.add("violated")
        if version is None:
            return found | {"missing"}
        if version.status != "READY" or version.flaw or version.digest is None or version.evidence is None:
            found.add("missing")
        pins = [
            (entry.run_id, version.run_id),
            (entry.model_id, version.model_id),
            (entry.source, version.source),
        ]
        if any(pin is not None and pin != fact for pin, fact in pins):
            found.add("violated")
        for pin, fact in ((entry.digest, version.digest), (entry.evidence, version.evidence)):
            if fact is not None and pin != fact:
                found.add("violated")
        return found


def model_of(key: Key) -> str:
    assert not isinstance(key, GovernanceKey)
    return key.model


def order(key: Key) -> tuple[str, bool, str]:
    if isinstance(key, GovernanceKey):
        return ("", False, "")
    return (key.model, isinstance(key, StageKey), str(key))


def replace_declared(reading: Reading, declared: DesiredState) -> Reading:
    return replace(reading, declared=declared, authorized=dict(reading.authorized), open=dict(reading.open))
