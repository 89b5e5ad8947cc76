"""Trace and history: from what runs back to data, run, artifact, promotion and people, hop by hop."""

from dataclasses import dataclass

from stagewright.app.view import View
from stagewright.core.requirements import registered_name
from stagewright.errors import NotFoundError, UsageError
from stagewright.ledger import predicates as entry
from stagewright.model.actual import VersionFacts
from stagewright.model.desired import StageEntry
from stagewright.model.keys import SpecKey, StageKey

MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One hop of a trace. `text` is `missing` where nothing is recorded; `entries` are ledger indices."""

    name: str
    text: str
    detail: tuple[str, ...] = ()
    entries: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Where a version in a stage comes from."""

    model: str
    stage: str
    version: int
    hops: tuple[Hop, ...]
    ledger_size: int
    root: str


def parse_selector(text: str) -> StageKey:
    """`credit-risk@Production`; UsageError for any other form."""
    model, at, stage = text.partition("@")
    if not (model and at and stage):
        raise UsageError(f"not a model and a stage: {text!r}", hint="write MODEL@STAGE, such as credit-risk@Production")
    return StageKey(model, stage)


def trace(view: View, key: StageKey) -> Trace:
    """Follow what is authorized for `key` back to its data. NotFoundError when nothing is."""
    value = view.state.authorized.get(key)
    if not isinstance(value, StageEntry):
        known = sorted(f"{k.model}@{k.stage}" for k in view.state.authorized if isinstance(k, StageKey))
        raise NotFoundError(
            f"no version is authorized for {key.model}@{key.stage}", hint=f"authorized are {', '.join(known) or 'none'}"
        )
    facts = view.sight.registry.version_facts(registered_name(view.state.authorized, key.model), value.version)
    hops = (
        _data(facts),
        _run(value, facts),
        Hop(name="artifact", text=value.digest, detail=(f"evidence {value.evidence}",)),
        Hop(
            name="version",
            text=f"models:/{registered_name(view.state.authorized, key.model)}/{value.version}",
            detail=(f"source {facts.source}",) if facts and facts.source else (),
        ),
        *_promotion(view, key),
        _held(view, key),
        *_served(view, key),
    )
    return Trace(
        model=key.model,
        stage=key.stage,
        version=value.version,
        hops=hops,
        ledger_size=view.ledger.size,
        root=view.ledger.root.hex(),
    )


def _data(facts: VersionFacts | None) -> Hop:
    if facts is None or not facts.data_sets:
        return Hop(name="data set", text=MISSING, detail=("the run logged no data set",))
    texts = [f"{d.name} {d.digest} ({d.context or 'no context'}, {d.digest_kind})" for d in facts.data_sets]
    return Hop(name="data set", text=texts[0], detail=tuple(texts[1:]))


def _run(value: StageEntry, facts: VersionFacts | None) -> Hop:
    run = value.run_id or (facts.run_id if facts else None)
    commit = facts.source_commit if facts else None
    trainer = value.trainer.name if value.trainer else None
    return Hop(
        name="run",
        text=run or MISSING,
        detail=(f"source commit {commit or MISSING}", f"trained by {trainer or MISSING}"),
    )


def _promotion(view: View, key: StageKey) -> tuple[Hop, ...]:
    by = view.state.authorized_by[key]
    if by not in view.memory.verdicts:
        return (
            Hop(name="promotion", text="adopted at genesis, not approved", entries=(0,)),
            Hop(name="approvals", text=MISSING, detail=("it ran before the ledger began",)),
        )
    index, verdict = view.memory.verdicts[by]
    pull = verdict.pull
    given = [s for s in verdict.sign_offs if s.counted and s.meaning == "approve"]
    seen = [f"{s.person} approved commit {s.commit[:12]}, seen {s.first_seen:%Y-%m-%d %H:%M:%S} UTC" for s in given]
    return (
        Hop(
            name="promotion",
            text=by,
            detail=(
                f"commit {verdict.commit}",
                f"pull request {pull.id}: {pull.title}" if pull else "no pull request",
            ),
            entries=(index,),
        ),
        Hop(
            name="approvals",
            text=seen[0] if seen else MISSING,
            detail=tuple(seen[1:]),
            entries=(index,),
        ),
    )


def _held(view: View, key: StageKey) -> Hop:
    held = view.state.held.get(key)
    if held is None:
        return Hop(name="in the registry", text=MISSING, detail=("it was not applied yet",))
    written = [
        (number, index)
        for number, (index, outcome) in view.memory.outcomes.items()
        if outcome.result == "applied" and view.memory.intents[number].key == str(key)
    ]
    last = written[-1] if written else ()
    return Hop(name="in the registry", text=f"since {held.since:%Y-%m-%d %H:%M:%S} UTC", entries=tuple(last))


def _served(view: View, key: StageKey) -> tuple[Hop, ...]:
    """What serves it, where the ledger was told of any workload at all."""
    sightings = [view.memory.sightings[uid] for uid in sorted(view.memory.sightings)]
    own = [s for s in sightings if (s.workload.model, s.workload.stage) == (key.model, key.stage)]
    texts = [
        f"{s.workload} since {s.since:%Y-%m-%d %H:%M:%S} UTC, {_says(s.workload.version)}, "
        f"image {', '.join(s.workload.images) or 'unknown'}"
        for s in own
    ]
    if not texts:
        return (Hop(name="served by", text=MISSING, detail=("no labelled workload was seen",)),) if sightings else ()
    return (Hop(name="served by", text=texts[0], detail=tuple(texts[1:])),)


def _says(version: str | None) -> str:
    return "does not say what it loaded" if version is None else f"says that it loaded version {version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of the ledger about a model, in words."""

    index: int
    at: str
    kind: str
    key: str
    text: str


def history(view: View, model: str) -> tuple[Event, ...]:
    """Every entry about a model, oldest first. NotFoundError when there is none."""
    events = [
        Event(
            index=found.index,
            at=f"{found.statement.predicate.recorded_at:%Y-%m-%d %H:%M:%S}",
            kind=found.statement.kind,
            key=key,
            text=text,
        )
        for found in view.ledger.entries()
        for key, text in _about(found.statement.predicate, view)
        if key.partition("/")[0] == model
    ]
    if not events:
        known = sorted(key.model for key in view.state.authorized if isinstance(key, SpecKey))
        raise NotFoundError(f"the ledger knows no model {model!r}", hint=f"it knows {', '.join(known) or 'none'}")
    return tuple(events)


def _about(predicate: entry.Predicate, view: View) -> list[tuple[str, str]]:
    match predicate:
        case entry.Genesis(adopted=adopted) | entry.Adoption(adopted=adopted):
            return [(a.key, f"{a.state} {_brief(a.value)}") for a in adopted]
        case entry.Verdict(key=key, verdict=answer, reason=reason, to=to, incumbent=incumbent):
            return [(key, f"{_brief(incumbent)} → {_brief(to)}: {answer} ({reason})")]
        case entry.Intent(key=key, actions=actions):
            moves = ", ".join(f"{a.target}: {a.before or 'nobody'} → {a.after or 'nobody'}" for a in actions)
            return [(key, moves)]
        case entry.Outcome(intent=intent, result=result, error=error):
            return [(view.memory.intents[intent].key, f"intent {intent}: {result}{f' ({error})' if error else ''}")]
        case entry.Drift(model=model, stage=stage, found=found, decision=decision):
            return [(f"{model}/{stage}", f"found {_brief(found)}; {decision}")]
        case entry.Deployment(workload=seen, model=model, stage=stage, version=version, to=ended):
            says = "is seen so no more" if ended else _says(version)
            return [(f"{model}/{stage}", f"{seen.kind} {seen.namespace}/{seen.name} {says}")]
        case entry.Alarm(subject=subject, message=message):
            return [(subject, message)]
        case _:
            return []


def _brief(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case {"version": version}:
            return f"version {version}"
        case {"riskTier": tier, "mode": mode}:
            return f"spec ({tier} risk, mode {mode or 'by default'})"
        case {"policy": _}:
            return "governance"
        case dict():
            return ", ".join(f"{k}: {v if v is not None else 'nobody'}" for k, v in value.items())
        case _:
            return str(value)
