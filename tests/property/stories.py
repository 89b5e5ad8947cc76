"""Random stories in the small world: what people do to a repository, its forge and a registry, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from stagewright.core.fold import Folded, fold, genesis, judge_again, put
from stagewright.model.desired import StageEntry
from stagewright.model.keys import Key, StageKey
from stagewright.model.promotion import Step
from stagewright.model.review import Decision, PullRequest
from stagewright.model.state import Facts, State
from tests.fold_world import ORIGIN, PEOPLE, START, World, entry, governance_value, version_facts
from tests.property.naive_fold import Reading

Event = tuple[Any, ...]
Answers = Mapping[Key, tuple[str, bool]]

WHO = st.sampled_from(["dana", "omar", "olga", "rita", "rob"])
ANYBODY = st.one_of(WHO, st.sampled_from(["nobody", "eve", "stranger", "risk-bot", "vera"]))
BRANCHES = st.sampled_from(["p1", "p2", "p3"])
ENTRIES: tuple[Any, ...] = (
    *(1, 2, 2, 3, 3, "none", None),
    {"v": 2, "trainer": None},
    {"v": 2, "trainer": {"declared": "@omar"}},
    {"v": 3, "trainer": {"mlflow": "ml-olga"}},
    {"v": 2, "digest": "swapped"},
)
SPECS: tuple[Any, ...] = (
    *("low", "medium", "high", None),
    {"tier": "high", "withdrawn": [2]},
    {"tier": "low", "owner": None},
    {"tier": "medium", "card": None, "name": "credit-eu"},
    {"tier": "low", "name": "Fraud"},
)
POLICIES = ("standard", "standard", "weak", "strict", "evidence", "anybody", "two-rules", "no-governance-rule")
LAWS: tuple[Any, ...] = (
    *POLICIES,
    *("both-groups", "authenticated", "without-rob", "second-account", "forge-team", "owned-governance"),
    {"policy": "standard", "owners": "nobody"},
    {"policy": "standard", "owners": "fraud-is-olgas"},
    {"policy": "anybody", "owners": "by-team"},
    {"policy": "owned-governance", "owners": "split", "signers": "without-rita"},
    {"policy": "standard", "signers": "without-omar"},
    {"policy": "two-owners", "signers": "shared-key"},
    {"policy": "standard", "signers": "omar-until-day-2"},
)
# What a change of the governance may propose besides: never worth beginning with.
LAWLESS: tuple[Any, ...] = ({"policy": "no-policy"}, "other-ledger", None)

LAW_CHANGE = st.tuples(st.just("@governance"), st.sampled_from(LAWS * 2 + LAWLESS))
MODEL_CHANGE = st.one_of(
    st.tuples(st.sampled_from(["credit/Staging", "credit/Production", "fraud/Staging"]), st.sampled_from(ENTRIES)),
    st.tuples(st.sampled_from(["credit/Staging", "fraud/Production", "credit/Production"]), st.sampled_from([2, 3])),
    st.tuples(st.sampled_from(["credit/@spec", "fraud/@spec"]), st.sampled_from(SPECS)),
    st.tuples(st.sampled_from(["credit/card", "fraud/card"]), st.sampled_from(["one text", "another text"])),
)
CHANGES = st.one_of(
    *([st.lists(MODEL_CHANGE, min_size=1, max_size=1).map(dict)] * 3),
    *([st.lists(MODEL_CHANGE, min_size=1, max_size=3).map(dict)] * 2),
    st.lists(LAW_CHANGE, min_size=1, max_size=1).map(dict),
    st.lists(LAW_CHANGE, min_size=1, max_size=1).map(dict),
    st.lists(st.one_of(LAW_CHANGE, MODEL_CHANGE), min_size=1, max_size=3).map(dict),
)
SLIPS: st.SearchStrategy[dict[str, Any]] = st.one_of(*([st.just({})] * 7), CHANGES)
DECISIONS = st.sampled_from(["approve", "approve", "approve", "approve", "reject", "comment", "dismissed"])
FATES: tuple[dict[str, Any], ...] = (
    {"present": False},
    {"decision": "dismissed"},
    {"flaw": "the tag was moved"},
    {"claims": frozenset()},
    {"standing": True},
    {"standing": False},
)
VERSIONS: tuple[Any, ...] = (
    None,
    {},
    {"status": "PENDING_REGISTRATION"},
    {"run_id": "another run"},
    {"digest": None, "flaw": "no artifacts"},
    {"evidence": "sha256:other"},
    {"data_sets": ()},
    {"trainer": "ml-omar"},
    {"trainer": "root"},
)

REVIEWS = st.tuples(ANYBODY, DECISIONS, st.one_of(st.just({}), st.just({}), st.sampled_from(FATES)), st.booleans())
OWNERS_AND_RISK: tuple[Any, ...] = tuple((who, "approve", {}, False) for who in ("omar", "olga", "rita", "rob"))
PROPOSALS = (
    st.tuples(st.just("propose"), WHO, BRANCHES, CHANGES, st.lists(REVIEWS, max_size=5), SLIPS),
    st.tuples(st.just("propose"), st.just("dana"), BRANCHES, CHANGES, st.just(OWNERS_AND_RISK), st.just({})),
    st.tuples(st.just("propose"), st.just("dana"), BRANCHES, CHANGES, st.just(OWNERS_AND_RISK[1:3]), st.just({})),
)
LATER = (
    st.tuples(st.just("review"), BRANCHES, REVIEWS),
    st.tuples(st.just("approvals"), BRANCHES),
    st.tuples(st.just("sync")),
)
EVENTS = st.one_of(
    *PROPOSALS,
    *PROPOSALS,
    *LATER,
    *LATER,
    st.tuples(st.just("commit"), ANYBODY, BRANCHES, CHANGES, st.sampled_from(["", "", "omar", "dana eve"])),
    st.tuples(st.just("fate"), st.integers(0, 9), st.sampled_from(FATES)),
    st.tuples(st.just("update"), ANYBODY, BRANCHES, SLIPS),
    st.tuples(st.just("rebase"), WHO, BRANCHES),
    st.tuples(st.just("merge"), BRANCHES, st.sampled_from(["merge", "merge", "squash", "octopus"]), SLIPS),
    st.tuples(st.just("push"), CHANGES),
    st.tuples(st.just("unreadable"), BRANCHES),
    st.tuples(st.just("retarget"), BRANCHES),
    st.tuples(
        st.just("registry"),
        st.sampled_from([("credit", 2), ("credit", 3), ("fraud", 2)]),
        st.sampled_from(VERSIONS),
    ),
    st.tuples(st.just("applied")),
    st.tuples(st.just("days"), st.integers(1, 2)),
)


# Whom the logins of the governance mean: those who are called so, or nobody, or somebody who was called so once.
MEANINGS: tuple[Mapping[str, str | None], ...] = tuple(
    {**{f"@{who}": f"id-{who}" for who in PEOPLE}, **others}
    for others in ({}, {"@omar": None}, {"@omar": "id-eve"}, {"@rita": "id-rob", "@rob": None}, {"@dana": "id-vera"})
)


@dataclass(frozen=True)
class Story:
    forge: str
    law: Any
    events: tuple[Event, ...]
    bound: Mapping[str, str | None] | None = None
    team: tuple[str, ...] | None = ("id-eve", "id-rita")


STORIES = st.builds(
    Story,
    forge=st.sampled_from(["git", "accounts"]),
    law=st.sampled_from(LAWS),
    events=st.lists(EVENTS, min_size=7, max_size=14).map(tuple),
    bound=st.one_of(st.none(), st.sampled_from(MEANINGS)),
    team=st.sampled_from([("id-eve", "id-rita"), ("id-eve", "id-rita"), None]),
)


@dataclass(frozen=True)
class Page:
    """One step or one sync: what went in, and what came of it in the engine and in the naive reading."""

    before: State
    step: Step | None
    pulls: Mapping[str, PullRequest | None]
    facts: Facts
    folded: Folded
    answers: Answers
    closed: frozenset[str]
    authorized: Mapping[Key, Any]
    open: Mapping[Key, str]


@dataclass
class Teller:
    world: World
    state: State
    naive: Reading
    pages: list[Page] = field(default_factory=list)

    @classmethod
    def begin(cls, story: Story) -> "Teller":
        world = World(forge=story.forge, teams={"@acme/ops": story.team})
        declared = world.begin(
            {
                "@governance": story.law,
                "credit/@spec": "high",
                "credit/card": "one text",
                "credit/Staging": 1,
                "credit/Production": 1,
                "fraud/@spec": "low",
                "fraud/Staging": 1,
            }
        )
        found = {key: value for key, value in declared.values.items() if isinstance(key, StageKey)}
        other = entry("credit", 2)
        assert other is not None
        found[StageKey("credit", "Staging")] = other
        state = genesis(
            origin=ORIGIN,
            declared=declared,
            adopted={key: value for key, value in found.items() if isinstance(value, StageEntry)},
            now=START,
        )
        reading = Reading.begin(ORIGIN, declared, found)
        if story.forge == "accounts" and story.bound is not None:
            laws = [value for value in map(governance_value, (*LAWS, *LAWLESS)) if value is not None]
            state, reading.bound = replace(state, accounts=dict.fromkeys(laws, story.bound)), story.bound
        return cls(world, state, reading)

    def tell(self, event: Event) -> None:
        world = self.world
        match event:
            case "propose", who, branch, changes, reviews, slip:
                self.leave(branch)
                world.commit(who, branch, changes)
                for review in reviews:
                    self.review(branch, *review)
                self.step(world.merge(branch, "merge", slip))
            case "commit", who, branch, changes, naming:
                world.commit(who, branch, changes, naming=naming)
            case "review", branch, review if branch in world.pulls:
                self.review(branch, *review)
            case "approvals", branch if branch in world.pulls:
                for approver in ("omar", "olga", "rita", "rob"):
                    world.review(approver, branch, "approve")
            case "fate", number, fate:
                world.amend_review(f"review {number}", **fate)
            case "update", who, branch, slip if self.ahead(branch):
                world.update(who, branch, slip)
            case "rebase", who, branch if self.ahead(branch):
                world.rebase(who, branch)
            case "merge", branch, how, slip if self.ahead(branch):
                self.step(world.merge(branch, how, slip))
            case "push", changes:
                self.step(world.push(changes))
            case "unreadable", branch if branch in world.pulls:
                world.unreadable.add(world.pulls[branch].head)
            case "retarget", branch if branch in world.pulls:
                world.pulls[branch].base = "dev"
            case "registry", (model, number), said:
                world.versions[model, number] = None if said is None else version_facts(model, number, **said)
            case ("applied",):
                for key, value in self.state.authorized.items():
                    if isinstance(key, StageKey) and isinstance(value, StageEntry):
                        self.state = put(self.state, key, value, since=world.now, cause="applied")
                        self.naive.held.add((key.model, key.stage, value.digest))
            case "days", number:
                world.now += timedelta(days=number)
            case ("sync",):
                self.sync()

    def review(self, branch: str, who: str, decision: Decision, fate: Mapping[str, Any], withdrawing: bool) -> None:
        names = [review.id for review, _ in self.world.pulls[branch].reviews]
        more = {"withdraws": tuple(names) if withdrawing else (), **fate}
        self.world.review(who, branch, more.pop("decision", decision), **more)

    def ahead(self, branch: str) -> bool:
        pull = self.world.pulls.get(branch)
        return pull is not None and pull.head not in self.world.ancestors(self.world.main)

    def leave(self, branch: str) -> None:
        """A new branch of that name; the old one is remembered under another."""
        pull = self.world.pulls.pop(branch, None)
        if pull is None:
            return
        old = f"{branch} until {self.world.now.isoformat()}"
        self.world.pulls[old] = pull
        for commit, (name, base, head) in self.world.brought.items():
            if name == branch:
                self.world.brought[commit] = (old, base, head)

    def step(self, change: Step) -> None:
        facts = self.world.facts()
        before = self.state
        folded = fold(before, [change], facts)
        answers, closed = self.naive.step(change, facts)
        self.turn(before, change, {}, facts, folded, answers, frozenset(closed))

    def sync(self) -> None:
        facts = self.world.facts()
        before = self.state
        pulls = self.world.pulls_of(before.open.values())
        self.turn(before, None, pulls, facts, judge_again(before, facts, pulls), self.naive.again(facts, pulls))

    def turn(
        self,
        before: State,
        step: Step | None,
        pulls: Mapping[str, PullRequest | None],
        facts: Facts,
        folded: Folded,
        answers: Answers,
        closed: frozenset[str] = frozenset(),
    ) -> None:
        authorized = dict(self.naive.authorized)
        waiting = {key: p.id for key, p in self.naive.open.items()}
        self.pages.append(Page(before, step, pulls, facts, folded, answers, closed, authorized, waiting))
        self.state = folded.state


def told(story: Story) -> list[Page]:
    """All pages of a story; every one ends with a sync."""
    teller = Teller.begin(story)
    for event in (*story.events, ("sync",)):
        teller.tell(event)
    return teller.pages


def run(page: Page, facts: Facts, **more: Any) -> Folded:
    """The page once more, under other facts, or with `step` or `pulls` told in another way."""
    if page.step is not None:
        return fold(more.get("before", page.before), [more.get("step", page.step)], facts)
    return judge_again(more.get("before", page.before), facts, more.get("pulls", page.pulls))


def without(facts: Facts, what: str, key: Any) -> Facts:
    """The facts with one of them missing."""
    left: Any = {what: {k: v for k, v in getattr(facts, what).items() if k != key}}
    return replace(facts, **left)
