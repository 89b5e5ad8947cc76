"""Whom to ask for a review: those whom the policy needs and whom CODEOWNERS, which the forge asks by, does not name."""

from collections.abc import Iterable
from dataclasses import dataclass

from stagewright.core.requirements import approval_name
from stagewright.core.rules import select
from stagewright.model.desired import Values
from stagewright.model.policy import CODEOWNERS, Approval, Policy
from stagewright.model.verdict import Verdict

# GitHub takes 15 reviewers.
MAX_PEOPLE = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """People by login, and teams as `@org/team`, each once and in order."""

    people: tuple[str, ...]
    teams: tuple[str, ...]


def wanted(verdicts: Iterable[Verdict], policy: Policy, authorized: Values, declared: Values) -> Wanted:
    """Whom to ask, so that what is missing can be given. Nobody who could not give it."""
    people: list[str] = []
    teams: list[str] = []
    groups = {group.name.casefold() for group in policy.groups}
    for verdict in verdicts:
        missing = {(r.rule, r.name): r.candidates for r in verdict.requirements if r.state == "missing"}
        for rule in select(verdict.promotion, policy, authorized, declared).rules:
            for approval in rule.approvals:
                could = missing.get((rule.name, approval_name(approval)))
                if could is None or CODEOWNERS in approval.sources:
                    continue
                theirs = _teams(approval, groups)
                teams += theirs
                # the forge asks the members of its own teams
                people += [] if theirs else [c.removeprefix("@") for c in could if c.startswith("@") and "/" not in c]
    return Wanted(people=tuple(dict.fromkeys(people))[:MAX_PEOPLE], teams=tuple(dict.fromkeys(teams)))


def _teams(approval: Approval, groups: set[str]) -> list[str]:
    return [s for s in approval.sources if s.startswith("@") and "/" in s and s.casefold() not in groups]
