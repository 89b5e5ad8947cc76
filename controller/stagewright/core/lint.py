"""What is valid and yet cannot work: documents that no promotion could ever come through, told before anybody tries.

Nothing here decides anything. It needs the documents alone, so that a CI which sees neither ledger nor MLflow can ask.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from stagewright.core.codeowners import owners_of
from stagewright.model.desired import TIERS, Spec, StageEntry, Values
from stagewright.model.keys import SpecKey, StageKey, key_order
from stagewright.model.policy import CODEOWNERS, OwnerRule, Policy, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Something to look at in a file. `line` is 1 where no line is meant."""

    file: str
    line: int
    reason: str


def lint(
    policy: Policy, policy_file: str, values: Values, owners: tuple[OwnerRule, ...], files: AbstractSet[str], path: str
) -> tuple[Advice, ...]:
    """What cannot work. `files` are all paths of the repository, `path` is the source's folder ("": its root)."""
    prefix = f"{path}/" if path else ""
    return (
        *_policy(policy, policy_file, owners),
        *(
            advice
            for key in sorted(values, key=key_order)
            if isinstance(key, SpecKey)
            for advice in _model(policy, key.model, values, owners, files, prefix)
        ),
    )


def _policy(policy: Policy, file: str, owners: tuple[OwnerRule, ...]) -> list[Advice]:
    found = []
    if not any(rule.governance for rule in policy.rules):
        reason = "no rule is for the governance, so a change of it has to satisfy every rule: write one"
        found.append(Advice(file=file, line=1, reason=reason))
    for stage in policy.stages:
        missing = [tier for tier in TIERS if not _rules(policy, stage.name, tier)]
        if missing and not stage.ungoverned:
            reason = f"no rule is for {stage.name} at risk tier {', '.join(missing)}: every such promotion is refused"
            found.append(Advice(file=file, line=1, reason=reason))
    asked = any(CODEOWNERS in a.sources for r in policy.rules if r.governance for a in r.approvals)
    if asked and not owners_of(owners, file):
        reason = (
            f"CODEOWNERS gives {file} to nobody, and its rule asks for code owners: no change of it can be approved"
        )
        found.append(Advice(file=file, line=1, reason=reason))
    return found


def _model(
    policy: Policy,
    model: str,
    values: Values,
    owners: tuple[OwnerRule, ...],
    files: AbstractSet[str],
    prefix: str,
) -> list[Advice]:
    spec = values[SpecKey(model)]
    assert isinstance(spec, Spec)
    file = f"{prefix}models/{model}.yaml"
    declared = [k.stage for k in values if isinstance(k, StageKey) and k.model == model]
    governed = {stage.name for stage in policy.stages if not stage.ungoverned}
    reasons = [f"the policy governs no stage {stage}: it is refused" for stage in declared if stage not in governed]
    rules = [rule for stage in declared for rule in _rules(policy, stage, spec.risk_tier)]
    if any(CODEOWNERS in a.sources for rule in rules for a in rule.approvals) and not owners_of(owners, file):
        reasons.append("CODEOWNERS gives it to nobody, and its rules ask for code owners: it is refused")
    if spec.card is not None and f"{prefix}{spec.card}" not in files:
        reasons.append(f"its card {spec.card} is not there")
    held = [
        rule
        for stage in declared
        if isinstance(values[StageKey(model, stage)], StageEntry)
        for rule in _rules(policy, stage, spec.risk_tier)
    ]
    wanted = {kind for rule in held for kind in rule.evidence}
    given = {"owner": spec.owner, "purpose": spec.purpose, "card": spec.card}
    lacking = sorted(kind for kind in wanted & given.keys() if not given[kind])
    if lacking:
        reasons.append(f"it names no {' and no '.join(lacking)}, which its rules ask for")
    return [Advice(file=file, line=1, reason=reason) for reason in dict.fromkeys(reasons)]


def _rules(policy: Policy, stage: str, tier: str) -> list[Rule]:
    return [rule for rule in policy.rules if stage in rule.stages and tier in rule.risk_tiers]
