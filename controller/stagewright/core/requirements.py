"""What one rule requires of one promotion, each requirement with its state and the facts it rests on.

Only what no later fact can mend is violated: pins that the registry contradicts, a withdrawn version, an ownerless
path. Everything else that is not satisfied is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from stagewright.core.lookalikes import look_alikes
from stagewright.core.matching import fill
from stagewright.core.people import Directory
from stagewright.core.signoffs import Contributors, Tally
from stagewright.errors import IncompleteError
from stagewright.model.actual import READY, VersionFacts
from stagewright.model.desired import Spec, StageEntry, Values
from stagewright.model.keys import GovernanceKey, SpecKey, StageKey
from stagewright.model.policy import CODEOWNERS, Approval, EvidenceKind, Relation, Rule
from stagewright.model.promotion import Promotion
from stagewright.model.state import Facts, State
from stagewright.model.verdict import RequirementResult

IDENTITY_RULE = "identity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The people side of one evaluation: who approves, who made it, whose the files are."""

    directory: Directory
    makers: Contributors
    tally: Tally
    paths: tuple[str, ...]


def registered_name(authorized: Values, model: str) -> str:
    """The model's name in MLflow: as the authorized spec says; its own name where no spec is authorized."""
    spec = authorized.get(SpecKey(model))
    return spec.registered_model if isinstance(spec, Spec) else model


def name_after(promotion: Promotion, authorized: Values) -> str:
    """The name in MLflow of the promotion's model, once the promotion is approved. Not asked of the governance."""
    assert not isinstance(promotion.key, GovernanceKey)
    if isinstance(promotion.key, StageKey):
        return registered_name(authorized, promotion.key.model)
    return promotion.after.registered_model if isinstance(promotion.after, Spec) else promotion.key.model


def rival(promotion: Promotion, authorized: Values) -> str:
    """Which other model holds the model in MLflow that a promotion would write to; empty when none does.

    Two documents on one registered model would let the owners of the one move the aliases of the other.
    """
    name, held = name_after(promotion, authorized), names_held(authorized)
    own = promotion.key.model  # type: ignore[union-attr] # name_after has seen that it is not the governance
    stays = any(isinstance(key, StageKey) and key.model == own for key in authorized)
    if promotion.after is None and not (isinstance(promotion.key, SpecKey) and stays):
        return ""
    holders = sorted(held.get(name.casefold(), frozenset()) - {own})
    return f"{name!r} in MLflow is that of the model {', '.join(holders)} already" if holders else ""


def names_held(authorized: Values) -> Mapping[str, frozenset[str]]:
    """The models by their names in MLflow, case aside: to some databases `Churn` and `churn` are one."""
    held: dict[str, frozenset[str]] = {}
    for model in {key.model for key in authorized if not isinstance(key, GovernanceKey)}:
        name = registered_name(authorized, model).casefold()
        held[name] = held.get(name, frozenset()) | {model}
    return held


def version_facts(promotion: Promotion, state: State, facts: Facts) -> VersionFacts | None:
    """The facts of the version that a promotion brings; None when it brings none, or the registry has no such one.

    IncompleteError when the registry was not asked: nothing is decided then.
    """
    if not isinstance(promotion.key, StageKey) or not isinstance(promotion.after, StageEntry):
        return None
    wanted = registered_name(state.authorized, promotion.key.model), promotion.after.version
    if wanted not in facts.versions:
        raise IncompleteError(f"{promotion.key}: nothing is known of version {wanted[1]} of {wanted[0]!r}")
    return facts.versions[wanted]


def approvals(rule: Rule, bench: Bench) -> tuple[RequirementResult, ...]:
    """The approvals a rule asks for, one person to a slot, and the open rejections of those who are heard."""
    entitled = [
        frozenset(p for source in a.sources for p in bench.directory.entitled(source, bench.paths))
        for a in rule.approvals
    ]
    slots = [index for index, approval in enumerate(rule.approvals) for _ in range(approval.count)]
    approvers = bench.tally.approvers if rule.late_approvals else bench.tally.timely
    filled = fill([entitled[index] & approvers.keys() for index in slots])
    used = {person for person in filled if person}
    results = [
        _approval(
            rule,
            approval,
            given=tuple(sorted(p for p, slot in zip(filled, slots, strict=True) if slot == index and p)),
            could=tuple(sorted(entitled[index] - used - bench.makers.persons.keys())),
            ownerless=bench.directory.ownerless(bench.paths) if CODEOWNERS in approval.sources else (),
            late=tuple(sorted(entitled[index] & (bench.tally.approvers.keys() - approvers.keys()))),
            strangers=tuple(sorted(bench.tally.approvers.keys() - entitled[index])),
        )
        for index, approval in enumerate(rule.approvals)
    ]
    heard = (bench.directory.heard(source, bench.paths) for a in rule.approvals for source in a.sources)
    gone = sorted({team for a in rule.approvals for s in a.sources for team in bench.directory.gone(s, bench.paths)})
    if gone:
        results.append(
            RequirementResult(
                rule=rule.name,
                name="teams",
                state="missing",
                detail=f"the forge has no team {' and no team '.join(gone)} (any more), so that nobody knows whose "
                "rejection counts: give it its name back, or name another in the governance",
            )
        )
    vetoes = sorted(bench.tally.rejecters.keys() & frozenset().union(*heard))
    if vetoes:
        results.append(
            RequirementResult(
                rule=rule.name,
                name="no open rejection",
                state="missing",
                detail=f"veto by {', '.join(vetoes)}: each must approve or withdraw it",
                facts=tuple(f"{p} rejected in {bench.tally.rejecters[p].id}" for p in vetoes),
                candidates=tuple(vetoes),
            )
        )
    return tuple(results)


def _approval(
    rule: Rule,
    approval: Approval,
    *,
    given: tuple[str, ...],
    could: tuple[str, ...],
    ownerless: tuple[str, ...],
    late: tuple[str, ...],
    strangers: tuple[str, ...],
) -> RequirementResult:
    name = approval_name(approval)
    if ownerless:
        detail = f"CODEOWNERS gives {', '.join(ownerless)} to nobody"
        return RequirementResult(rule=rule.name, name=name, state="violated", detail=detail)
    short = approval.count - len(given)
    if short:
        who = ", ".join(could) or "nobody is left who could give it"
        detail = f"{len(given)} of {approval.count} given; {short} more from: {who}"
        if late:
            detail += f"; too late, after the merge: {', '.join(late)}"
        detail += "".join(
            f"; {stranger} approved, and only looks like {other}" for stranger, other in look_alikes(strangers, could)
        )
        return RequirementResult(
            rule=rule.name, name=name, state="missing", detail=detail, facts=given, candidates=could
        )
    detail = f"given by {', '.join(given)}"
    return RequirementResult(rule=rule.name, name=name, state="satisfied", detail=detail, facts=given)


def approval_name(approval: Approval) -> str:
    """What an approval is called where it is listed: `1 approval from codeowners as Model risk`."""
    role = f" as {approval.role}" if approval.role else ""
    return f"{approval.count} approval{'s' if approval.count > 1 else ''} from {' or '.join(approval.sources)}{role}"


def independence(rule: Rule, promotion: Promotion, bench: Bench) -> tuple[RequirementResult, ...]:
    """That those who made the change are known. Author and committers always: nobody approves their own work.

    That none of them is counted is the tally's doing; here is said whether it can be shown.
    """
    unknown: dict[Relation, str] = {
        "author": bench.makers.author_unknown,
        "committers": bench.makers.committers_unknown,
    }
    if "trainer" in rule.independent_of and isinstance(promotion.after, StageEntry):
        unknown["trainer"] = bench.makers.trainer_unknown
    made = tuple(f"{person} {what}" for person, what in sorted(bench.makers.persons.items()))
    return tuple(
        RequirementResult(
            rule=rule.name,
            name=f"independent of {relation}",
            state="missing" if flaw else "satisfied",
            detail=flaw or "known, and not counted as approver",
            facts=made,
        )
        for relation, flaw in unknown.items()
    )


def evidence(rule: Rule, promotion: Promotion, known: VersionFacts | None) -> list[RequirementResult]:
    """The evidence a rule asks for about the version that is promoted."""
    spec = promotion.spec if isinstance(promotion.spec, Spec) else None
    data_sets = tuple(f"{d.name} ({d.digest})" for d in known.data_sets if d.digest) if known else ()
    found: dict[EvidenceKind, tuple[str | None, str]] = {
        "owner": (spec.owner if spec else None, "the spec names no owner"),
        "purpose": (spec.purpose if spec else None, "the spec states no purpose"),
        "card": (promotion.card, "the spec names no model card, or the file is not there"),
        "datasets": (", ".join(data_sets) or None, "the run logged no data set with a digest"),
        "digest": (known.digest if known else None, "the artifact digest cannot be computed"),
    }
    return [
        RequirementResult(
            rule=rule.name,
            name=f"evidence: {kind}",
            state="satisfied" if found[kind][0] else "missing",
            detail=found[kind][0] or found[kind][1],
        )
        for kind in rule.evidence
    ]


def after(rule: Rule, key: StageKey, entry: StageEntry, state: State) -> list[RequirementResult]:
    """That this very digest held each earlier stage before, by the ledger."""
    held = {stage: (key.model, stage, entry.digest) in state.ever_held for stage in rule.after}
    return [
        RequirementResult(
            rule=rule.name,
            name=f"after {stage}",
            state="satisfied" if was else "missing",
            detail=f"{entry.digest} {'has held' if was else 'has never held'} {stage}",
        )
        for stage, was in held.items()
    ]


def identity(promotion: Promotion, entry: StageEntry, known: VersionFacts | None, state: State) -> RequirementResult:
    """That the version which the registry holds is the one that was signed off: run, source, artifacts, evidence."""
    assert isinstance(promotion.key, StageKey)
    name = registered_name(state.authorized, promotion.key.model)
    spec = state.authorized.get(SpecKey(promotion.key.model))

    def result(answer: str, detail: str) -> RequirementResult:
        return RequirementResult(rule=IDENTITY_RULE, name="pins", state=answer, detail=detail)  # type: ignore[arg-type] # one of the three literals below

    if isinstance(spec, Spec) and entry.digest in spec.withdrawn:
        return result("violated", f"{entry.digest} was withdrawn")
    if known is None:
        return result("missing", f"MLflow has no version {entry.version} of {name!r}")
    wrong = contradictions(entry, known)
    if wrong:
        return result("violated", "; ".join(wrong))
    if known.flaw or known.digest is None or known.evidence is None:
        return result("missing", known.flaw or "its digests cannot be computed")
    if known.status != READY:
        return result("missing", f"version {entry.version} of {name!r} is {known.status}, not {READY}")
    return result("satisfied", f"version {entry.version} of {name!r} is what was signed off: {entry.digest}")


def contradictions(entry: StageEntry, known: VersionFacts) -> list[str]:
    """How a version differs from its pins. A digest that could not be computed contradicts nothing."""
    pairs = (
        ("run id", entry.run_id, known.run_id, entry.run_id is not None),
        ("model id", entry.model_id, known.model_id, entry.model_id is not None),
        ("source", entry.source, known.source, entry.source is not None),
        ("artifact digest", entry.digest, known.digest, known.digest is not None),
        ("evidence digest", entry.evidence, known.evidence, known.evidence is not None),
    )
    return [
        f"the {what} is {found}, signed off was {wanted}"
        for what, wanted, found, given in pairs
        if given and wanted != found
    ]
