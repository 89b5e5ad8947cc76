"""What a pull request's page says before the merge: each promotion, what it replaces, and what it still needs.

A pure function of values, so that the same facts give the same text, and nothing is written twice. Times are moments,
not spans, for the same reason: a page that counted hours would have to be written anew every hour.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from stagewright.core.markdown import code, linked, page, plain, table
from stagewright.core.wording import changes, told
from stagewright.model.conversation import Mark
from stagewright.model.desired import DocumentProblem, Value
from stagewright.model.keys import GovernanceKey, Key, SpecKey, StageKey, key_order
from stagewright.model.plan import PairPlan
from stagewright.model.policy import Policy
from stagewright.model.verdict import RequirementResult, SignOff, Verdict

MAX_SUMMARY = 140
# Of one list; what stands beyond it, `stagewright check` shows.
MAX_ROWS = 50
_SIGNS = {"satisfied": "✓", "missing": "…", "violated": "✗"}
_ANSWERS = {"approved": "✓ approved", "pending": "… pending", "refused": "✗ refused"}


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionCard:
    """A version in MLflow. The addresses are None where there is no page to go to."""

    number: int
    url: str | None
    run_url: str | None
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """One promotion of an open pull request.

    `incumbent` is what is authorized now, `declared` what the branch says. `unresolved` says why main is not settled
    on this key; empty where it is. `pair` is what a sync would do once it is approved; None: nothing. `target` is how
    long its review should take; None where no rule says.
    """

    verdict: Verdict
    incumbent: Value | None
    declared: Value | None
    unresolved: str
    card: VersionCard | None
    incumbent_card: VersionCard | None
    pair: PairPlan | None
    target: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewPage:
    """Everything that is said on an open pull request.

    `flaw`: why nothing can be said of its promotions; `behind`: why main is not judged up to its head. Else empty.
    """

    promotions: tuple[Proposed, ...]
    problems: tuple[DocumentProblem, ...]
    head: str
    base: str
    branch: str
    opened: datetime | None
    now: datetime
    behind: str
    flaw: str = ""


def strictest_first(promotions: Iterable[Proposed], policy: Policy) -> tuple[Proposed, ...]:
    """Governance, then stages from the heaviest of the policy to its lightest, then what models are for.

    A stage that the policy does not know comes before those that it knows.
    """
    weight = {stage.name: place for place, stage in enumerate(policy.stages)}

    def strictness(one: Proposed) -> tuple[int, int, tuple[int, str, int, str]]:
        key: Key = one.verdict.promotion.key
        match key:
            case GovernanceKey():
                return 0, 0, key_order(key)
            case StageKey(stage=stage):
                return 1, -weight.get(stage, len(weight)), key_order(key)
            case SpecKey():
                return 2, 0, key_order(key)

    return tuple(sorted(promotions, key=strictness))


def verdict_mark(page: ReviewPage) -> tuple[Mark, str]:
    """How the head commit is marked, and why in one line: the gravest thing there is to say."""
    if page.flaw:
        return "failure", _line(page.flaw)
    for problem in page.problems:
        return "failure", _line(f"{problem.file}:{problem.line}:{problem.column}: {problem.reason}")
    for one in page.promotions:
        if one.verdict.answer == "refused":
            return "failure", _line(f"{one.verdict.promotion.key}: {one.verdict.reason}")
    for one in page.promotions:
        if one.unresolved:
            return "failure", _line(f"{one.verdict.promotion.key}: {one.unresolved}")
    if page.behind:
        return "pending", _line(page.behind)
    for one in page.promotions:
        if one.verdict.answer == "pending":
            return "pending", _line(f"{one.verdict.promotion.key}: {one.verdict.reason}")
    if not page.promotions:
        return "success", "changes nothing that is governed"
    return "success", _line(f"approved: {', '.join(str(one.verdict.promotion.key) for one in page.promotions)}")


def review_page(said: ReviewPage) -> str:
    """The page as Markdown, at most `markdown.MAX_PAGE` characters."""
    blocks = [_headline(said)]
    blocks += [f"✗ {code(f'{p.file}:{p.line}:{p.column}')} {code(p.reason)} {_hint(p.hint)}" for p in said.problems]
    for one in said.promotions:
        blocks += _promotion(one)
    return page(blocks, end=_end(said))


def _headline(said: ReviewPage) -> str:
    mark, summary = verdict_mark(said)
    match mark:
        case "failure":
            return f"**Not to be merged as it is:** {code(summary)}"
        case "pending":
            return f"**Not signed off yet.** Merged now, it would wait: {code(summary)}"
        case "success" if said.promotions:
            return "**Signed off.** Once merged, the next sync carries it out."
        case _:
            return "**This pull request changes nothing that is governed.**"


def _promotion(one: Proposed) -> list[str]:
    verdict = one.verdict
    promotion = verdict.promotion
    change = code(changes(one.incumbent, promotion.after))
    lines = [f"### {_ANSWERS[verdict.answer]}: {code(str(promotion.key))}", change]
    if one.declared != one.incumbent:
        lines.append(f"Main declares {code(told(one.declared))}, which is not what runs: above is what would change.")
    if one.unresolved:
        lines.append(f"✗ Main is not settled here: {code(one.unresolved)}")
    if verdict.restore:
        lines.append("It declares what is authorized already: nobody needs to sign that off.")
    lines += [_links("It brings", one.card)] if one.card else []
    lines += [_links("It replaces", one.incumbent_card)] if one.incumbent_card else []
    blocks = ["\n\n".join(lines), *_metrics(one)]
    if verdict.requirements:
        blocks.append(_rows(_requirement(r) for r in verdict.requirements))
    made = dict.fromkeys(f for r in verdict.requirements if r.name.startswith("independent of ") for f in r.facts)
    if made:
        blocks.append("Cannot approve it:\n" + _rows(code(fact) for fact in made))
    lost = [_lost(sign_off) for sign_off in verdict.sign_offs if not sign_off.counted]
    if lost:
        blocks.append("Does not count:\n" + _rows(lost))
    return blocks + _plan(one)


def _rows(rows: Iterable[str]) -> str:
    listed = [f"- {row}" for row in rows]
    more = [f"- and {len(listed) - MAX_ROWS} more"] if len(listed) > MAX_ROWS else []
    return "\n".join(listed[:MAX_ROWS] + more)


def _lost(sign_off: SignOff) -> str:
    who = sign_off.person or "somebody unknown"
    return f"{code(f'{sign_off.decision} by {who}')} of {code(sign_off.commit[:12])}: {code(sign_off.reason)}"


def _requirement(requirement: RequirementResult) -> str:
    until = f", until {requirement.until:%Y-%m-%d %H:%M} UTC" if requirement.until else ""
    what = code(f"{requirement.rule}: {requirement.name}")
    return f"{_SIGNS[requirement.state]} {requirement.state} {what}: {code(requirement.detail)}{until}"


def _links(what: str, card: VersionCard) -> str:
    shown = f"version {card.number}"
    version = linked(shown, card.url) if card.url else code(shown)
    run = f", trained in {linked('this run', card.run_url)}" if card.run_url else ""
    return f"{what} {version}{run}."


def _metrics(one: Proposed) -> list[str]:
    proposed = one.card.metrics if one.card else {}
    running = one.incumbent_card.metrics if one.incumbent_card else {}
    names = sorted(proposed)[:MAX_ROWS]
    if not names:
        return []
    rows = [
        (name, _number(running.get(name)), _number(proposed[name]), _difference(running.get(name), proposed[name]))
        for name in names
    ]
    return [table(("metric", "runs now", "proposed", "difference"), rows)]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"


def _difference(before: float | None, after: float) -> str:
    return "-" if before is None else f"{after - before:+.6g}"


def _plan(one: Proposed) -> list[str]:
    pair = one.pair
    if one.verdict.answer == "refused" or pair is None:
        return []
    if not pair.write:
        return ["Plan: the model's mode forbids writing, so this would only be reported."]
    moves = [f"{a.model} {a.kind} {a.target}: {a.before or 'nobody'} → {a.after or 'nobody'}" for a in pair.actions]
    rows = _rows(map(code, moves)) if moves else "- MLflow shows it already"
    return [f"Plan, once it is approved and merged:\n{rows}"]


def _end(said: ReviewPage) -> str:
    against = f"Judged at {code(said.head[:12])} against {code(said.branch)} at {code(said.base[:12])}."
    again = f"Ask again yourself: {code(f'stagewright check {said.head}')}."
    return "\n\n".join([*_clock(said), f"{against} {again}"])


def _clock(said: ReviewPage) -> list[str]:
    if said.opened is None:
        return []
    opened = f"Open since {said.opened:%Y-%m-%d %H:%M} UTC."
    for target, keys in _targets(said).items():
        due = said.opened + target
        late = ", which has passed" if said.now >= due else ""
        what = ", ".join(map(code, keys))
        opened += f" Target for a review for {what}: {due:%Y-%m-%d %H:%M} UTC{late}."
    return [opened]


def _targets(said: ReviewPage) -> dict[timedelta, list[str]]:
    """What people are asked to review in which time, the shortest first; what needs nobody is left out."""
    found: dict[timedelta, list[str]] = {}
    for one in sorted(said.promotions, key=lambda one: one.target or timedelta.max):
        if one.target is not None and not one.verdict.restore:
            key = one.verdict.promotion.key
            found.setdefault(one.target, []).append(str(key).rpartition("/")[2])
    return {target: list(dict.fromkeys(keys)) for target, keys in found.items()}


def _hint(hint: str) -> str:
    return f"({code(hint)})" if hint else ""


def _line(text: str) -> str:
    shown = plain(text)
    return shown if len(shown) <= MAX_SUMMARY else f"{shown[: MAX_SUMMARY - 1]}…"
