"""The pages of merged pull requests, as values: what the ledger says became of each."""

from dataclasses import dataclass

from stagewright.app.memory import Memory
from stagewright.core.outcome_page import Carried, Judged
from stagewright.core.wording import changes
from stagewright.ledger import predicates as entry
from stagewright.model.conversation import Deployed
from stagewright.model.keys import StageKey, parse_key


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedPull:
    """A merged pull request whose promotions were judged. `last` is the index of the newest entry about it.

    `deployed` are its promotions that were applied.
    """

    number: int
    head: str
    commit: str
    last: int
    promotions: tuple[Judged, ...]
    deployed: tuple[Deployed, ...]


def newest_entries(memory: Memory) -> dict[int, int]:
    """For each pull request that the forge numbers, the index of the newest entry about it.

    What was judged before the configuration moved was numbered elsewhere: here the number is another's, or nobody's.
    """
    carried = _carried(memory)
    found: dict[int, int] = {}
    for promotion, (index, verdict) in memory.verdicts.items():
        number = _number(verdict)
        if number is not None and index >= memory.bound_since:
            latest = [index, memory.superseded_at.get(promotion, 0), *(at for at, _, _ in carried.get(promotion, ()))]
            found[number] = max(found.get(number, 0), *latest)
    return found


def merged_pull(memory: Memory, number: int) -> MergedPull:
    """What became of a pull request that `newest_entries` names."""
    carried = _carried(memory)
    own = [
        (promotion, index, verdict)
        for promotion, (index, verdict) in memory.verdicts.items()
        if _number(verdict) == number and index >= memory.bound_since
    ]
    # the steps of one pull request are one; were it told twice, the later merge would be the one to speak of
    _, _, newest = max(own, key=lambda one: one[1])
    assert newest.pull is not None
    return MergedPull(
        number=number,
        head=newest.pull.head,
        commit=newest.commit,
        last=newest_entries(memory)[number],
        promotions=tuple(_judged(memory, p, i, v, carried.get(p, ())) for p, i, v in sorted(own, key=lambda o: o[1])),
        deployed=tuple(made for p, _, v in own for made in _deployed(p, v, carried.get(p, ()))),
    )


_Attempts = tuple[tuple[int, entry.Intent, entry.Outcome], ...]


def _carried(memory: Memory) -> dict[str, _Attempts]:
    """The attempts to carry out each promotion, with the index of each outcome."""
    found: dict[str, _Attempts] = {}
    for intent_index, (index, outcome) in memory.outcomes.items():
        intent = memory.intents[intent_index]
        if intent.cause.kind == "promotion":
            found[intent.cause.id] = (*found.get(intent.cause.id, ()), (index, intent, outcome))
    return found


def _number(verdict: entry.Verdict) -> int | None:
    pull = verdict.pull
    return int(pull.id) if pull is not None and pull.id.isascii() and pull.id.isdigit() and len(pull.id) < 16 else None


def _judged(memory: Memory, promotion: str, index: int, verdict: entry.Verdict, attempts: _Attempts) -> Judged:
    key = parse_key(verdict.key)
    return Judged(
        key=verdict.key,
        change=changes(memory.value(key, verdict.incumbent), memory.value(key, verdict.to)),
        answer=verdict.verdict,
        reason=verdict.reason,
        restore=verdict.restore,
        lacking=tuple(f"{r.rule}: {r.name}: {r.detail}" for r in verdict.requirements if r.state != "satisfied"),
        index=index,
        at=verdict.recorded_at,
        carried=tuple(
            Carried(result=o.result, index=at, at=o.recorded_at, moves=tuple(_move(a) for a in intent.actions))
            for at, intent, o in attempts
        ),
        closed=promotion in memory.superseded,
    )


def _move(action: entry.Action) -> str:
    return f"{action.model} {action.type} {action.target}: {action.before or 'nobody'} → {action.after or 'nobody'}"


def _deployed(promotion: str, verdict: entry.Verdict, attempts: _Attempts) -> tuple[Deployed, ...]:
    key = parse_key(verdict.key)
    applied = [at for at, _, outcome in attempts if outcome.result == "applied"]
    if not applied or not isinstance(key, StageKey):
        return ()
    version = verdict.to.get("version") if isinstance(verdict.to, dict) else None
    what = f"{key.model} version {version}" if version is not None else f"{key.model}: nobody"
    return (
        Deployed(
            commit=verdict.commit,
            environment=key.stage,
            description=f"{what}, ledger entry {applied[-1]}",
            promotion=promotion,
            entry=applied[-1],
        ),
    )
