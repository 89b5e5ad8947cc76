"""Which rules judge a promotion, and what parts of them."""

from dataclasses import dataclass
from datetime import timedelta

from stagewright.model.desired import HIGHEST_TIER, TIERS, RiskTier, Spec, StageEntry, Value, Values
from stagewright.model.keys import GovernanceKey, SpecKey, StageKey
from stagewright.model.policy import Governance, Policy, Rule
from stagewright.model.promotion import Promotion


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The rules that have to hold. `whole`: evidence and `after` too; else approvals and independence only."""

    rules: tuple[Rule, ...]
    whole: bool


def select(promotion: Promotion, policy: Policy, authorized: Values, declared: Values) -> Selection:
    """The rules of `policy` for `promotion`; none at all is a refusal, which is the caller's to say."""
    match promotion.key:
        case GovernanceKey():
            own = tuple(rule for rule in policy.rules if rule.governance)
            return Selection(rules=own or policy.rules, whole=False)
        case SpecKey(model):
            return Selection(rules=_for_spec(promotion, model, policy, authorized), whole=False)
        case StageKey(model, stage):
            tiers = [tier_of(v) for v in (authorized.get(SpecKey(model)), promotion.spec, declared.get(SpecKey(model)))]
            # A spec that is gone from the branch says nothing; one that is not authorized counts as the heaviest.
            tier = heaviest(tiers[0] or HIGHEST_TIER, *(t for t in tiers[1:] if t))
            return Selection(rules=_for_stages(policy, (stage,), tier), whole=True)


def review_target(promotion: Promotion, policy: Policy, authorized: Values, declared: Values) -> timedelta | None:
    """How long a review of `promotion` should take: the shortest that its rules say; None where no rule matches."""
    rules = select(promotion, policy, authorized, declared).rules
    return min((rule.review_target for rule in rules), default=None)


def _for_spec(promotion: Promotion, model: str, policy: Policy, authorized: Values) -> tuple[Rule, ...]:
    before, after = authorized.get(SpecKey(model)), promotion.after
    name = after.registered_model if isinstance(after, Spec) else model
    # What was classified is a model of MLflow's: under another one's name the spec counts as new.
    same = isinstance(before, Spec) and before.registered_model == name
    incumbent, proposed = tier_of(before if same else None), tier_of(after)
    heavier = heaviest(incumbent or HIGHEST_TIER, proposed or "low")
    held = tuple(
        key.stage
        for key, value in authorized.items()
        if isinstance(key, StageKey) and key.model == model and isinstance(value, StageEntry)
    )
    governed = tuple(stage.name for stage in policy.stages if not stage.ungoverned)
    chosen = {*_for_stages(policy, held or governed, heavier)}
    if proposed and lower(proposed, incumbent or HIGHEST_TIER):
        chosen |= {*_for_stages(policy, governed, HIGHEST_TIER)}
    return tuple(rule for rule in policy.rules if rule in chosen)


def _for_stages(policy: Policy, stages: tuple[str, ...], tier: RiskTier) -> tuple[Rule, ...]:
    return tuple(r for r in policy.rules if any(s in r.stages for s in stages) and tier in r.risk_tiers)


def tier_of(value: Value | None) -> RiskTier | None:
    """The tier that a spec declares; None where there is no spec."""
    return value.risk_tier if isinstance(value, Spec) else None


def heaviest(*tiers: RiskTier) -> RiskTier:
    """The heaviest of some tiers; there is at least one."""
    return max(tiers, key=TIERS.index)


def lower(one: RiskTier, other: RiskTier) -> bool:
    """Whether the one tier is lighter than the other."""
    return TIERS.index(one) < TIERS.index(other)


def paths_of(promotion: Promotion, governance: Governance) -> tuple[str, ...]:
    """The governed files whose owners have to approve: the model's document, or the governance files that change."""
    prefix = f"{governance.path}/" if governance.path else ""
    if not isinstance(promotion.key, GovernanceKey):
        return (f"{prefix}models/{promotion.key.model}.yaml",)
    before, after = promotion.before, promotion.after
    changed = {
        f"{prefix}stagewright.yaml": getattr(before, "policy", None) != getattr(after, "policy", None),
        f"{prefix}allowed_signers": getattr(before, "allowed_signers", None) != getattr(after, "allowed_signers", None),
    }
    owners_before = {c.location: c.lines for c in getattr(before, "codeowners", ())}
    owners_after = {c.location: c.lines for c in getattr(after, "codeowners", ())}
    for location in {*owners_before, *owners_after}:
        changed[location] = owners_before.get(location) != owners_after.get(location)
    return tuple(sorted(path for path, differs in changed.items() if differs))
