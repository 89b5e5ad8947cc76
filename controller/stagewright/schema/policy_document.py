"""The PromotionPolicy document, `stagewright.yaml`: what each stage requires.

    apiVersion: stagewright.dev/v1alpha1
    kind: PromotionPolicy
    spec:
      stages:
        Staging: {aliases: [challenger]}
        Production: {aliases: [champion], mlflowStage: Production}
      defaultMode: enforce
      ledger: stagewright.acme.example/prod
      rules:
      - name: production
        match: {stages: [Production], riskTiers: [medium, high]}
        require:
          approvals:
          - {count: 1, from: [codeowners]}
          - {count: 1, from: ["@acme/model-risk"], role: Model risk}
          independentOf: [author, trainer]
          after: [Staging]

Empty means no: a rule without approvals, a stage that shows nowhere, a group without members are errors.
"""

from datetime import timedelta

from stagewright.errors import DocumentError
from stagewright.model.desired import TIERS
from stagewright.model.policy import Approval, Policy, Rule, StagePolicy
from stagewright.schema.nodes import Document, raise_problems
from stagewright.schema.policy_people import read_groups, read_people, repeated
from stagewright.schema.policy_shape import PolicyShape, RuleShape
from stagewright.schema.policy_stages import read_stages
from stagewright.schema.shape import read_shape
from stagewright.schema.yaml import parse_yaml

FILE = "stagewright.yaml"
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def policy_path(root: str = "") -> str:
    """Where the policy lies below the source's path `root` ("" is the repository's root)."""
    return f"{root}/{FILE}" if root else FILE


def parse_policy(data: bytes, file: str) -> Policy:
    """The policy in `data`; DocumentError with every problem found, each at its line and column."""
    document = parse_yaml(data, file)
    spec = read_shape(document, PolicyShape).spec
    problems: list[DocumentError] = []
    stages = read_stages(document, spec, problems)
    governed = tuple(stage.name for stage in stages if not stage.ungoverned)
    rules = tuple(_rule(document, rule, index, stages, problems) for index, rule in enumerate(spec.rules))
    names: set[str] = set()
    for index, rule in enumerate(rules):
        if rule.name in names:
            problems.append(document.error(f"two rules are called {rule.name!r}", ("spec", "rules", index, "name")))
        names.add(rule.name)
    if not governed:
        problems.append(document.error("every stage is ungoverned", ("spec", "stages"), hint="govern at least one"))
    people = read_people(document, spec, problems)
    groups = read_groups(document, spec, problems)
    raise_problems(problems)
    return Policy(
        stages=stages,
        default_mode=spec.default_mode,
        origin=spec.ledger,
        rules=rules,
        people=people,
        groups=groups,
        registry_users_authenticated=spec.registry_users_authenticated,
        promotions_per_pull=spec.limits.promotions_per_pull_request,
    )


def _rule(
    document: Document, shape: RuleShape, index: int, stages: tuple[StagePolicy, ...], problems: list[DocumentError]
) -> Rule:
    place = ("spec", "rules", index)
    match, require = shape.match, shape.require
    matched, after = tuple(match.stages or ()), tuple(require.after or ())
    if not matched and not match.governance:
        reason = "the rule matches nothing"
        hint = "name stages, or write governance: true"
        problems.append(document.error(reason, (*place, "match"), hint=hint))
    if match.risk_tiers is not None and not matched:
        reason = "riskTiers matches nothing without stages"
        problems.append(document.error(reason, (*place, "match", "riskTiers"), hint="name the stages too"))
    if after and not matched:
        reason = "after matches nothing without stages"
        problems.append(document.error(reason, (*place, "require", "after"), hint="name the stages in match"))
    order = {stage.name: position for position, stage in enumerate(stages)}
    known = _check_stages(document, matched, (*place, "match", "stages"), stages, problems)
    _check_stages(document, after, (*place, "require", "after"), stages, problems)
    first = min((order[name] for name in known), default=len(order))
    for number, name in enumerate(after):
        if order.get(name, -1) >= first:
            reason = f"{name} does not come before every stage that the rule matches"
            hint = "stages are declared lightest first; `after` names an earlier one"
            problems.append(document.error(reason, (*place, "require", "after", number), hint=hint))
    lists = (("match", "riskTiers", match.risk_tiers), ("require", "independentOf", require.independent_of))
    for group, key, values in (*lists, ("require", "evidence", require.evidence)):
        problems += repeated(document, values or (), (*place, group, key))
    for number, approval in enumerate(require.approvals):
        problems += repeated(document, approval.sources, (*place, "require", "approvals", number, "from"))
    tiers = TIERS if match.risk_tiers is None else tuple(tier for tier in TIERS if tier in match.risk_tiers)
    return Rule(
        name=shape.name,
        stages=matched,
        risk_tiers=tiers if matched else (),
        governance=match.governance,
        approvals=tuple(
            Approval(count=approval.count, sources=tuple(approval.sources), role=approval.role)
            for approval in require.approvals
        ),
        independent_of=tuple(require.independent_of or ()),
        evidence=tuple(require.evidence or ()),
        after=after,
        late_approvals=require.approvals_after_merge == "count",
        review_target=int(shape.review_target[:-1]) * _UNITS[shape.review_target[-1]],
    )


def _check_stages(
    document: Document,
    names: tuple[str, ...],
    place: tuple[str | int, ...],
    stages: tuple[StagePolicy, ...],
    problems: list[DocumentError],
) -> tuple[str, ...]:
    """Report names of stages that are not declared, not governed or repeated; return the good ones."""
    problems += repeated(document, names, place)
    declared = {stage.name: stage for stage in stages}
    for number, name in enumerate(names):
        if name not in declared:
            hint = f"declared are {', '.join(declared)}"
            problems.append(document.error(f"the stage {name} is not declared", (*place, number), hint=hint))
        elif declared[name].ungoverned:
            hint = "no rule is asked there; delete it here, or govern the stage"
            problems.append(document.error(f"the stage {name} is ungoverned", (*place, number), hint=hint))
    return tuple(name for name in names if name in declared)
