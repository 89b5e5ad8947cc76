"""Verdicts for people and for programs: one shape for `sync`, `plan` and `check`."""

from dataclasses import dataclass

from stagewright.app.proposals import describe
from stagewright.cli.terminal import BAD, GOOD, QUIET, WAIT, Terminal
from stagewright.model.codec import Json, value_to_json
from stagewright.model.desired import GovernanceValue, Spec, Value
from stagewright.model.keys import Key
from stagewright.model.verdict import Answer, RequirementResult, SignOff, Verdict

SYMBOLS: dict[Answer, tuple[str, str]] = {
    "approved": ("✓", GOOD),
    "pending": ("…", WAIT),
    "refused": ("✗", BAD),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictView:
    """A verdict without the history behind it. `before` and `after` are the values as they are hashed."""

    promotion: str
    key: Key
    before: Json
    after: Json
    answer: Answer
    restore: bool
    reason: str
    commit: str
    subject: str
    requirements: tuple[RequirementResult, ...]
    sign_offs: tuple[SignOff, ...]


def view_of(verdict: Verdict) -> VerdictView:
    """What is shown of a verdict."""
    promotion = verdict.promotion
    return VerdictView(
        promotion=promotion.id,
        key=promotion.key,
        before=value_to_json(promotion.before),
        after=value_to_json(promotion.after),
        answer=verdict.answer,
        restore=verdict.restore,
        reason=verdict.reason,
        commit=promotion.commit,
        subject=promotion.subject,
        requirements=verdict.requirements,
        sign_offs=verdict.sign_offs,
    )


def told(value: Value | None) -> str:
    """A value in a few words."""
    match value:
        case Spec(risk_tier=tier, mode=mode):
            return f"spec ({tier} risk, mode {mode or 'by default'})"
        case GovernanceValue(policy=policy):
            return f"governance (policy {policy[:12] if policy else 'none'})"
        case _:
            return describe(value)


def changes(before: Value | None, after: Value | None) -> str:
    """From what to what; of two specs or governances only what differs."""
    match before, after:
        case Spec(), Spec():
            names = ("owner", "purpose", "risk_tier", "card", "mode", "registered_model", "withdrawn")
            parts = [(n, getattr(before, n), getattr(after, n)) for n in names]
            return ", ".join(f"{n.replace('_', ' ')} {old} → {new}" for n, old, new in parts if old != new)
        case GovernanceValue(), GovernanceValue():
            parts = [
                ("policy", before.policy, after.policy),
                ("allowed signers", before.allowed_signers, after.allowed_signers),
            ]
            texts = [f"{n} {str(old)[:12]} → {str(new)[:12]}" for n, old, new in parts if old != new]
            return ", ".join([*texts, *(["code owners"] if before.codeowners != after.codeowners else [])])
        case _:
            return f"{told(before)} → {told(after)}"


def show(terminal: Terminal, verdict: Verdict, *, before: Value | None, wide: bool = False) -> None:
    """A verdict: one line, and below it what is missing, what is violated and which sign-offs do not count.

    `before` is what it would replace: what is authorized, or what the branch declared.
    """
    symbol, style = SYMBOLS[verdict.answer]
    promotion = verdict.promotion
    terminal.out(
        (f"{symbol} {verdict.answer:<8}", style),
        f"  {promotion.key}  {changes(before, promotion.after)}",
        (f"  {verdict.reason}" if verdict.answer == "approved" else "", QUIET),
    )
    for requirement in verdict.requirements:
        if requirement.state == "satisfied":
            if wide:
                terminal.out(("    ✓ ", GOOD), f"{requirement.rule}: {requirement.name}: {requirement.detail}")
        else:
            mark, colour = ("✗", BAD) if requirement.state == "violated" else ("…", WAIT)
            terminal.out((f"    {mark} ", colour), f"{requirement.rule}: {requirement.name}: {requirement.detail}")
    for sign_off in verdict.sign_offs:
        if sign_off.counted and wide:
            terminal.out(("    ✓ ", GOOD), f"{sign_off.decision} by {sign_off.person}: counts")
        if not sign_off.counted:
            who = sign_off.person or "somebody unknown"
            terminal.out(("    - ", QUIET), f"{sign_off.decision} by {who} does not count: {sign_off.reason}")
