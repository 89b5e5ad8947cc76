"""Verdicts for people and for programs: one shape for `sync`, `plan` and `check`."""

from dataclasses import dataclass

from stagewright.cli.terminal import BAD, GOOD, QUIET, WAIT, Terminal
from stagewright.core.wording import changes
from stagewright.model.codec import Json, value_to_json
from stagewright.model.desired import Value
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
