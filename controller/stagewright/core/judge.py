"""The verdict on one promotion (docs/fold.md, "judge" and "evaluate"). A pure function of values."""

from collections.abc import Iterable
from dataclasses import dataclass

from stagewright.core import requirements as require
from stagewright.core.people import Directory
from stagewright.core.rules import paths_of, select
from stagewright.core.signoffs import accounts_in, contributors, reaches, tally
from stagewright.errors import IncompleteError
from stagewright.model.desired import GovernanceValue, StageEntry
from stagewright.model.keys import GovernanceKey, StageKey
from stagewright.model.policy import Governance
from stagewright.model.promotion import Promotion
from stagewright.model.review import Reach
from stagewright.model.state import Facts, State
from stagewright.model.verdict import Answer, RequirementResult, SignOff, Verdict

WORSE: tuple[Answer, ...] = ("approved", "pending", "refused")
HISTORY_RULE = "history"
NO_GOVERNANCE = GovernanceValue(policy=None, allowed_signers=None, codeowners=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The answer of one governance."""

    answer: Answer
    requirements: tuple[RequirementResult, ...]
    sign_offs: tuple[SignOff, ...] = ()


def governance_of(facts: Facts, value: GovernanceValue) -> Governance:
    """The parsed governance; IncompleteError when its files could not be read."""
    if value not in facts.governances:
        raise IncompleteError("the files of a governance that judges could not be read")
    return facts.governances[value]


def authorized_governance(state: State) -> GovernanceValue:
    """The governance that is authorized now; one with no policy where there is none, under which all is refused."""
    value = state.authorized.get(GovernanceKey())
    return value if isinstance(value, GovernanceValue) else NO_GOVERNANCE


def judge(promotion: Promotion, state: State, facts: Facts) -> Verdict:
    """Judge `promotion` against `state`. IncompleteError, and no verdict, when a fact is missing."""
    at_step = governance_of(facts, promotion.governance)
    now = governance_of(facts, authorized_governance(state))
    restore = promotion.after == state.authorized.get(promotion.key)
    if restore:
        chosen = Evaluation(answer="approved", requirements=())
    else:
        chosen = _history(promotion, state, facts) or _worse(
            evaluate(promotion, state, facts, now),
            evaluate(promotion, state, facts, at_step) if at_step != now else None,
        )
    return Verdict(
        promotion=promotion,
        answer=chosen.answer,
        restore=restore,
        reason=_reason(chosen, restore=restore),
        requirements=chosen.requirements,
        sign_offs=chosen.sign_offs,
        governance_at_step=at_step.digest,
        governance_now=now.digest,
    )


def refusal(promotion: Promotion, state: State, facts: Facts, *, name: str, detail: str) -> Verdict:
    """A verdict `refused` for one reason that no rule of the policy gives."""
    return Verdict(
        promotion=promotion,
        answer="refused",
        restore=False,
        reason=detail,
        requirements=_violated(name, detail).requirements,
        sign_offs=(),
        governance_at_step=governance_of(facts, promotion.governance).digest,
        governance_now=governance_of(facts, authorized_governance(state)).digest,
    )


def _violated(name: str, detail: str) -> Evaluation:
    result = RequirementResult(rule=HISTORY_RULE, name=name, state="violated", detail=detail)
    return Evaluation(answer="refused", requirements=(result,))


def _history(promotion: Promotion, state: State, facts: Facts) -> Evaluation | None:
    """The refusals that no policy can lift; None where there is none."""
    if isinstance(promotion.key, GovernanceKey):
        wrong = _governance_flaw(promotion, state, facts)
        if wrong:
            return _violated("governance", wrong)
    else:
        other = require.rival(promotion, state.authorized)
        if other:
            return _violated("registered model", other)
    pull = promotion.pull
    if promotion.parents > 2:
        return _violated("pull request", f"commit {promotion.commit[:12]} has {promotion.parents} parents")
    if pull is None:
        return _violated("pull request", f"commit {promotion.commit[:12]} was pushed without a pull request")
    if pull.base_branch != facts.branch:
        return _violated("pull request", f"it was opened against {pull.base_branch!r}, not {facts.branch!r}")
    head = pull.head
    if head.subjects is None:
        return _violated("pull request", f"its head {head.commit[:12]} {_unreadable(head)}")
    if reaches(head, promotion.subject):
        return _violated(
            "pull request", "the merge brought what no reviewed head had: it differs from the pull request"
        )
    return None


def _unreadable(head: Reach) -> str:
    """Why nothing is known of what a head proposes."""
    if head.merge_bases > 1:
        return f"has {head.merge_bases} merge bases with the branch, not one"
    return (
        "cannot be read any more"
        if head.merge_bases
        else "has no history in common with the branch, or cannot be read any more"
    )


def _governance_flaw(promotion: Promotion, state: State, facts: Facts) -> str:
    if promotion.before != state.authorized.get(promotion.key):
        return "main holds an unapproved policy: restore it first"
    if not isinstance(promotion.after, GovernanceValue):
        return "it would leave no governance at all"
    proposed = governance_of(facts, promotion.after)
    if proposed.policy is None:
        return "it would leave no policy, and nobody could ever approve anything again"
    if proposed.policy.origin != state.origin:
        return f"the ledger is {state.origin!r} for ever; the policy names {proposed.policy.origin!r}"
    return ""


def _worse(now: Evaluation, at_step: Evaluation | None) -> Evaluation:
    if at_step is not None and WORSE.index(at_step.answer) > WORSE.index(now.answer):
        return at_step
    return now


def evaluate(promotion: Promotion, state: State, facts: Facts, governance: Governance) -> Evaluation:
    """What one governance says of a promotion that history does not refuse."""
    if governance.policy is None:
        return _violated("policy", "no policy is authorized, and so nothing is allowed")
    selection = select(promotion, governance.policy, state.authorized, state.declared.values)
    if not selection.rules:
        return _violated("policy", f"no rule of the policy matches {promotion.key}")
    known = require.version_facts(promotion, state, facts)
    accounts = accounts_in(promotion.pull) if promotion.pull else ()
    directory = Directory(
        governance,
        teams=facts.teams,
        accounts=accounts,
        writers=facts.writers,
        bound=state.accounts.get(governance.value),
    )
    makers = contributors(promotion, directory, known)
    bench = require.Bench(
        directory=directory,
        makers=makers,
        tally=tally(promotion, directory, makers),
        paths=paths_of(promotion, governance),
    )
    results: list[RequirementResult] = []
    entry = promotion.after if isinstance(promotion.after, StageEntry) and selection.whole else None
    if entry is not None:
        results.append(require.identity(promotion, entry, known, state))
    for rule in selection.rules:
        results += require.approvals(rule, bench)
        results += require.independence(rule, promotion, bench)
        if entry is not None and isinstance(promotion.key, StageKey):
            results += require.evidence(rule, promotion, known)
            results += require.after(rule, promotion.key, entry, state)
    return Evaluation(
        answer=answer_of(results),
        requirements=tuple(results),
        sign_offs=bench.tally.sign_offs,
    )


def answer_of(results: Iterable[RequirementResult]) -> Answer:
    """What the requirements come to: any violated refuses, any missing waits; none at all is no approval either."""
    states = {result.state for result in results}
    if "violated" in states or not states:
        return "refused"
    return "pending" if "missing" in states else "approved"


def _reason(chosen: Evaluation, *, restore: bool) -> str:
    if restore:
        return "it declares what is authorized already"
    open_ones = [r for r in chosen.requirements if r.state == ("violated" if chosen.answer == "refused" else "missing")]
    return "; ".join(f"{r.name}: {r.detail}" for r in open_ones) or "every requirement is satisfied"
