"""Rehearsal: what the next sync would decide and do, and what a branch would come to if it were merged now."""

from dataclasses import dataclass, replace

from stagewright.app.facts import FactReader
from stagewright.app.inspection import hidden_in
from stagewright.app.journal import RehearsalJournal
from stagewright.app.memory import Memory
from stagewright.app.pulls import PullReader
from stagewright.app.recall import recall
from stagewright.app.record import Scribe
from stagewright.app.view import View
from stagewright.app.walk import Walker
from stagewright.core.attributes import NAME
from stagewright.core.change import changed_keys, merged, promotions_of
from stagewright.core.fold import step
from stagewright.core.judge import authorized_governance
from stagewright.core.lint import Advice
from stagewright.core.plan import plan
from stagewright.errors import InvalidError, UnreachableError
from stagewright.ledger import predicates as entry
from stagewright.model.desired import DocumentProblem, Value
from stagewright.model.plan import Plan
from stagewright.model.promotion import Step
from stagewright.model.review import PullRequest
from stagewright.model.source import REGULAR_MODES, PullFacts
from stagewright.model.state import State
from stagewright.model.verdict import Verdict
from stagewright.schema.desired import role_of

MAX_ATTRIBUTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """Verdicts that would be recorded, and the plan that would be carried out after them."""

    head: str
    verdicts: tuple[Verdict, ...]
    plan: Plan
    waiting: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """What a branch proposes and what would be answered, were it merged into the branch as it is now.

    `after` is the fold's state that would come of it. `advice` is what to look at although everything is valid.
    """

    head: str
    base: str
    verdicts: tuple[Verdict, ...]
    pull: PullRequest | None
    incumbents: tuple[tuple[str, Value | None], ...]
    problems: tuple[DocumentProblem, ...]
    after: State
    advice: tuple[Advice, ...] = ()


def rehearse(view: View) -> Rehearsed:
    """What the next sync would do first. Nothing is written, neither to the ledger nor to MLflow."""
    if view.head is None:
        raise UnreachableError(f"the repository did not answer: {view.away}")
    memory: Memory = view.memory
    journal = RehearsalJournal(view.ledger.size, memory)
    sight, now = view.sight, view.sight.clock.now()
    scribe = Scribe(
        sync=sight.config.name,
        epoch=entry.Epoch(lease=sight.config.name, transitions=0, holder="rehearsal"),
        now=now,
        origin=view.state.origin,
        names={},
    )
    walker = Walker(
        source=sight.source,
        forge=sight.forge,
        desired=view.desired,
        pulls=PullReader(sight.source, sight.forge, view.desired, origin=view.state.origin, now=now),
        facts=view.fact_reader(),
        journal=journal,
        scribe=scribe,
    )
    walker.observe()
    walked = walker.walk(view.head)
    judged = walker.judge_open()
    verdicts = (*walked.verdicts, *judged.verdicts)
    state = recall(memory, sight.source, view.desired)
    policy = view.desired.governance(authorized_governance(state)).policy
    made = plan(state, policy, sight.registry.snapshot()) if policy else Plan(pairs=(), blocked=(), unmanaged=0)
    return Rehearsed(head=view.head, verdicts=verdicts, plan=made, waiting=walked.waiting or judged.waiting)


def predict(view: View, pull: PullFacts, facts: FactReader | None = None) -> Predicted:
    """The verdicts that `pull` would get if it were merged onto its first parent now. InvalidError: it changes nothing.

    `pull.first_parent` is the branch's head. What it changes
    against its merge base is taken to be what the merge brings. `facts` spares reading them anew for each of many.
    """
    now = view.sight.clock.now()
    reader = PullReader(view.sight.source, view.sight.forge, view.desired, origin=view.state.origin, now=now)
    seen = {review.id: now for review in view.sight.forge.observations()} | view.memory.seen
    base = view.desired.at(pull.first_parent)
    bases = view.sight.source.merge_bases(pull.merged_head, pull.first_parent)
    if len(bases) != 1:
        raise InvalidError(
            f"commit {pull.merged_head[:12]} has {len(bases)} merge bases with the branch",
            hint="rebase it onto the branch",
        )
    head = merged(view.desired.at(bases[0]), base, view.desired.at(pull.merged_head))
    if not changed_keys(base, head):
        raise InvalidError(
            f"commit {pull.merged_head[:12]} declares nothing that {pull.first_parent[:12]} does not",
            hint="; ".join(f"{p.file}:{p.line}:{p.column}: {p.reason}" for p in head.problems)
            or "is it merged already? then `stagewright status` tells; else change a document: stagewright promote",
        )
    state = _as_if_walked(view.state, pull.first_parent, view)
    change = Step(
        position=state.position + 1,
        first_parent=pull.first_parent,
        commit=pull.merged_head,
        parents=2,
        before=base,
        after=head,
        pull=reader.related(pull, seen, view.memory.reviews, view.memory.withdrawn, view.memory.rejections),
    )
    promotions = promotions_of(state.origin, change, authorized_governance(state))
    folded = step(state, change, (facts or view.fact_reader()).facts(state, promotions))
    return Predicted(
        head=pull.merged_head,
        base=pull.first_parent,
        verdicts=folded.verdicts,
        pull=change.pull,
        incumbents=tuple((str(p.key), state.authorized.get(p.key)) for p in promotions),
        problems=head.problems,
        after=folded.state,
        advice=_advice(view, pull.merged_head),
    )


def _advice(view: View, commit: str) -> tuple[Advice, ...]:
    """What the `.gitattributes` below the source's folder hide of what a commit declares."""
    source, path = view.sight.source, view.sight.config.path
    files = source.tree(commit).files
    attributes = {
        file.path: source.blob(file.blob).decode("utf-8", "replace")
        for file in files
        if file.path.rpartition("/")[2] == NAME and file.mode in REGULAR_MODES and file.size <= MAX_ATTRIBUTES
    }
    governed = {file.path for file in files if role_of(file.path, path) is not None}
    return tuple(hidden_in(view.desired.at(commit), attributes, governed, path)) if attributes else ()


def _as_if_walked(state: State, commit: str, view: View) -> State:
    return replace(state, revision=commit, declared=view.desired.at(commit))
