"""Accepting another history (docs/fold.md, "Another history"): who has to agree to it, and what it then brings.

    subject = SHA-256 of {"history": {"from": A, "to": B}, "origin": …}       RFC 8785

It changes what is followed, and nothing of what may run: those who may change the governance sign it off, under the
governance that is authorized, and whatever the new history declares otherwise is refused until it is proposed anew.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

import rfc8785

from stagewright.core import requirements as require
from stagewright.core.change import promotions_of
from stagewright.core.fold import Folded, Superseded, settle
from stagewright.core.identity import canonical_digest, promotion_id
from stagewright.core.judge import Evaluation, answer_of, authorized_governance, judge, refusal
from stagewright.core.people import Directory
from stagewright.core.signoffs import accounts_in, contributors, tally
from stagewright.model.codec import Json
from stagewright.model.keys import GovernanceKey
from stagewright.model.policy import Governance
from stagewright.model.promotion import Promotion, Step
from stagewright.model.review import Account, PullRequest
from stagewright.model.state import Facts, State
from stagewright.model.verdict import RequirementResult

_UNSIGNED = "it came with a history that was accepted, and nobody signed it off: propose it anew"
_GONE = "its step is not in the history that was accepted: propose it anew"


def history_subject(origin: str, before: str, after: str) -> str:
    """What people sign who accept that the ledger goes on from commit `after` instead of `before`."""
    return canonical_digest(_said(origin, before, after))


def history_document(origin: str, before: str, after: str) -> bytes:
    """The file that asks for it on a forge with accounts; the digest of its one line is the subject."""
    return rfc8785.dumps(_said(origin, before, after)) + b"\n"


def _said(origin: str, before: str, after: str) -> Json:
    return {"history": {"from": before, "to": after}, "origin": origin}


def evaluate_acceptance(
    subject: str,
    governance: Governance,
    pull: PullRequest,
    *,
    teams: Mapping[str, tuple[str, ...] | None],
    writers: tuple[Account, ...] | None,
    bound: Mapping[str, str | None] | None,
) -> Evaluation:
    """What the authorized governance says of an acceptance: its rules for the governance; where there are none, all.

    `pull` holds who asks for it (its author), the commits that nobody may accept who made them, and the decisions.
    """
    policy = governance.policy
    if policy is None:
        missing = RequirementResult(
            rule="history", name="policy", state="violated", detail="no policy is authorized, and so nobody may accept"
        )
        return Evaluation(answer="refused", requirements=(missing,))
    promotion = Promotion(
        id=subject,
        key=GovernanceKey(),
        before=governance.value,
        after=governance.value,
        subject=subject,
        first_parent=pull.head.commit,
        commit=pull.head.commit,
        position=0,
        parents=1,
        governance=governance.value,
        spec=None,
        card=None,
        pull=pull,
    )
    directory = Directory(governance, teams=teams, accounts=accounts_in(pull), writers=writers, bound=bound)
    makers = contributors(promotion, directory, None)
    prefix = f"{governance.path}/" if governance.path else ""
    bench = require.Bench(
        directory=directory,
        makers=makers,
        tally=tally(promotion, directory, makers),
        paths=(f"{prefix}stagewright.yaml",),
    )
    rules = tuple(rule for rule in policy.rules if rule.governance) or policy.rules
    results = tuple(result for rule in rules for result in require.approvals(rule, bench))
    return Evaluation(answer=answer_of(results), requirements=results, sign_offs=bench.tally.sign_offs)


def accept(state: State, change: Step, facts: Facts, gone: AbstractSet[str]) -> Folded:
    """The state once the history is accepted: `change` goes from the last revision to where the walk goes on.

    What it changes is refused, restores aside, and so are the open promotions with an id in `gone`, whose steps are not
    in the new history. Nothing of what is authorized changes.
    """
    ahead = replace(state, declared=change.after)
    along = f"{change.first_parent}..{change.commit}"
    promotions = [
        replace(p, id=promotion_id(origin=state.origin, commit=along, key=p.key, before=p.before, after=p.after))
        for p in promotions_of(state.origin, change, authorized_governance(state))
    ]
    verdicts = [
        judge(p, ahead, facts)
        if p.after == state.authorized.get(p.key)
        else refusal(p, ahead, facts, name="history", detail=_UNSIGNED)
        for p in promotions
    ]
    superseded = tuple(Superseded(promotion=state.open[p.key], by=p.id) for p in promotions if p.key in state.open)
    closed = {one.promotion.key for one in superseded}
    verdicts += [
        refusal(p, ahead, facts, name="history", detail=_GONE)
        for key, p in state.open.items()
        if key not in closed and p.id in gone
    ]
    after = replace(
        ahead,
        revision=change.commit,
        position=change.position,
        open={key: p for key, p in state.open.items() if key not in closed},
    )
    for verdict in verdicts:
        after = settle(after, verdict)
    return Folded(state=after, verdicts=tuple(verdicts), superseded=superseded)
