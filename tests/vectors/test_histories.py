"""Named histories, told in YAML, played over the engine and over the naive reading alike.

A story is a list of events; every event but the last four kinds changes the world, and the last four look at it:

    dana on p1: {credit/Staging: 2}          a commit on a branch; the first opens the pull request as its author
    dana on p1 naming omar: {…}              … whose message names @omar as its author
    omar updates p1                          merges main into the branch (with a mapping: and slips something in)
    dana forks p1 as p2                      another branch begins where this one stands
    dana rebases p1                          writes the branch anew on top of main
    omar approves p1 as a1 withdrawing r1    also rejects, comments on; names are there to be spoken of later
    omar approves p1 naming nothing          a signed approval that names no subject; or p2, those of another branch;
                                             or elsewhere, those that a ledger elsewhere would give the same change
    a1 is deleted                            also dismissed, moved (a flaw) and unreadable (the commit it is on)
    retarget p1 to dev                       another base branch
    merge p1                                 also squash and octopus (with a mapping: and adds what no commit had)
    eve pushes: {…}                          straight to main
    registry: {credit 2: {status: …}}        what MLflow says of a version from now on; `gone` where it has none
    applied credit/Staging                   the ledger records that what is authorized was put there
    3 days pass
    sync                                     everything that is open is judged again
    then: {credit/Staging: approved}         every verdict of the last merge, push or sync (`restore` is an approval)
    runs: {credit/Staging: 2}                what is authorized (only the keys named)
    waits: [credit/Staging]                  everything that is open
    superseded: [credit/Staging]             the keys whose open promotion the last step closed
"""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from stagewright.core.fold import Folded, fold, genesis, judge_again, put
from stagewright.model.desired import StageEntry, StageValue
from stagewright.model.keys import GovernanceKey, Key, SpecKey, StageKey, parse_key
from stagewright.model.promotion import Step
from stagewright.model.review import Decision
from stagewright.model.state import State
from tests.fold_world import ORIGIN, START, World, entry, governance_value, spec, version_facts
from tests.property.naive_fold import Reading, subjects

FOLDER = Path(__file__).parent / "histories"
FILES = sorted(path for path in FOLDER.glob("*.yaml") if path.name != "policies.yaml")
HISTORIES = [
    pytest.param(history, id=f"{path.stem}: {history['name']}")
    for path in FILES
    for history in yaml.safe_load(path.read_text(encoding="utf-8"))
]
BEGINNING: Mapping[str, Any] = {
    "@governance": "standard",
    "credit/@spec": "high",
    "credit/card": "what it is for",
    "credit/Staging": 1,
    "credit/Production": 1,
    "fraud/@spec": "low",
    "fraud/card": "what it is for",
    "fraud/Staging": 1,
    "fraud/Production": 1,
}
DECISIONS: Mapping[str, Decision] = {"approves": "approve", "rejects": "reject", "comments on": "comment"}


class Player:
    """Plays one story to the engine and to the naive reading."""

    def __init__(self, history: Mapping[str, Any]) -> None:
        self.world = World(forge=history.get("forge", "git"), teams=teams(history.get("teams", {})))
        declared = self.world.begin({**BEGINNING, **history.get("given", {})})
        found = {parse_key(name): said for name, said in history.get("found", {}).items()}
        adopted = {
            key: stage_value(key, found[key]) if key in found else value
            for key, value in declared.values.items()
            if isinstance(key, StageKey) and isinstance(value, StageValue)
        }
        self.state: State = genesis(origin=ORIGIN, declared=declared, adopted=adopted, now=START)
        self.naive = Reading.begin(ORIGIN, declared, adopted)
        self.said: dict[str, str] = {}
        self.reasons: dict[str, str] = {}
        self.closed: set[str] = set()

    # events that change the world

    def commits(self, who: str, branch: str, naming: str | None, changes: Any) -> None:
        self.world.commit(who, branch, changes, naming=naming or "")

    def updates(self, who: str, branch: str, changes: Any) -> None:
        self.world.update(who, branch, changes or {})

    def forks(self, who: str, branch: str, name: str, _: Any) -> None:
        self.world.fork(who, branch, name)

    def rebases(self, who: str, branch: str, _: Any) -> None:
        self.world.rebase(who, branch)

    def reviews(
        self,
        who: str,
        verb: str,
        branch: str,
        name: str | None,
        withdraws: str | None,
        claims: str | None,
        _: Any,
    ) -> None:
        more: dict[str, Any] = {} if claims is None else {"claims": self.claims(claims, branch)}
        self.world.review(
            who, branch, DECISIONS[verb], name=name or "", withdraws=tuple((withdraws or "").split()), **more
        )

    def claims(self, what: str, branch: str) -> frozenset[str]:
        """The subjects of another branch; or of this one, as another ledger would have them."""
        if what == "nothing":
            return frozenset()
        origin = "ledger.example/sandbox" if what == "elsewhere" else ORIGIN
        head = self.world.pulls[branch if what == "elsewhere" else what].head
        base = self.world.bases(head, self.world.main)[0]
        return subjects(origin, self.world.state(base), self.world.state(head))

    def fate(self, name: str, what: str, _: Any) -> None:
        match what:
            case "deleted":
                self.world.amend_review(name, present=False)
            case "dismissed":
                self.world.amend_review(name, decision="dismissed")
            case "moved":
                self.world.amend_review(name, flaw="the tag was moved")
            case "unreadable":
                at = {commit for pull in self.world.pulls.values() for r, commit in pull.reviews if r.id == name}
                self.world.unreadable |= at

    def retarget(self, branch: str, base: str, _: Any) -> None:
        self.world.pulls[branch].base = base

    def registry(self, changes: Mapping[str, Any]) -> None:
        for name, said in changes.items():
            model, number = name.split()
            pin = (model, int(number))
            self.world.versions[pin] = None if said == "gone" else version_facts(*pin, **said)

    def pass_days(self, days: str, _: Any) -> None:
        self.world.now += timedelta(days=int(days))

    # steps and syncs

    def merge(self, how: str, branch: str, changes: Any) -> None:
        self.step(self.world.merge(branch, how, changes or {}))

    def push(self, _: str, changes: Any) -> None:
        self.step(self.world.push(changes))

    def step(self, change: Step) -> None:
        facts = self.world.facts()
        folded = fold(self.state, [change], facts)
        answers, closed = self.naive.step(change, facts)
        assert {s.promotion.id for s in folded.superseded} == closed
        self.closed = {str(s.promotion.key) for s in folded.superseded}
        self.take(folded, answers)

    def sync(self, _: Any) -> None:
        facts = self.world.facts()
        pulls = self.world.pulls_of(self.state.open.values())
        self.closed = set()
        self.take(judge_again(self.state, facts, pulls), self.naive.again(facts, pulls))

    def take(self, folded: Folded, answers: Mapping[Key, tuple[str, bool]]) -> None:
        assert {v.promotion.key: (v.answer, v.restore) for v in folded.verdicts} == answers
        assert dict(folded.state.authorized) == self.naive.authorized
        assert {k: p.id for k, p in folded.state.open.items()} == {k: p.id for k, p in self.naive.open.items()}
        self.state = folded.state
        self.said = {str(v.promotion.key): "restore" if v.restore else v.answer for v in folded.verdicts}
        self.reasons = {
            str(v.promotion.key): "; ".join([v.reason, *(s.reason for s in v.sign_offs)]) for v in folded.verdicts
        }

    def applied(self, name: str, _: Any) -> None:
        key = parse_key(name)
        value = self.state.authorized[key]
        assert isinstance(key, StageKey)
        assert isinstance(value, StageEntry)
        self.state = put(self.state, key, value, since=self.world.now, cause="applied")
        self.naive.held.add((key.model, key.stage, value.digest))

    # events that look

    def then(self, expected: Mapping[str, str]) -> None:
        assert self.said == expected

    def because(self, expected: Mapping[str, str]) -> None:
        found = {key: text if text in self.reasons[key] else self.reasons[key] for key, text in expected.items()}
        assert found == expected

    def runs(self, expected: Mapping[str, Any]) -> None:
        keys = {name: parse_key(name) for name in expected}
        assert {name: self.state.authorized.get(key) for name, key in keys.items()} == {
            name: value_of(key, expected[name]) for name, key in keys.items()
        }

    def waits(self, expected: list[str]) -> None:
        assert sorted(map(str, self.state.open)) == sorted(expected)

    def superseded(self, expected: list[str]) -> None:
        assert sorted(self.closed) == sorted(expected)


def teams(said: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(f"id-{person}" for person in members) for name, members in said.items()}


def stage_value(key: StageKey, said: Any) -> StageValue:
    value = entry(key.model, said)
    assert isinstance(value, StageValue)
    return value


def value_of(key: Key, said: Any) -> Any:
    match key:
        case GovernanceKey():
            return governance_value(said)
        case SpecKey():
            return spec(key.model, said)
        case StageKey():
            return entry(key.model, said)


VERBS: tuple[tuple[str, Callable[..., None]], ...] = (
    (r"(\w+) on (\S+)(?: naming (.+))?", Player.commits),
    (r"(\w+) updates (\S+)", Player.updates),
    (r"(\w+) forks (\S+) as (\S+)", Player.forks),
    (r"(\w+) rebases (\S+)", Player.rebases),
    (
        r"([\w-]+) (approves|rejects|comments on) (\S+)(?: as (\S+))?(?: withdrawing ([^:]+?))?(?: naming (\S+))?",
        Player.reviews,
    ),
    (r"(\S+) is (deleted|dismissed|moved|unreadable)", Player.fate),
    (r"retarget (\S+) to (\S+)", Player.retarget),
    (r"(merge|squash|octopus) (\S+)", Player.merge),
    (r"(\w+) pushes", Player.push),
    (r"registry", Player.registry),
    (r"applied (\S+)", Player.applied),
    (r"(\d+) days? pass(?:es)?", Player.pass_days),
    (r"sync", Player.sync),
    (r"then", Player.then),
    (r"because", Player.because),
    (r"runs", Player.runs),
    (r"waits", Player.waits),
    (r"superseded", Player.superseded),
)


def play(player: Player, event: str | Mapping[str, Any]) -> None:
    sentence, argument = (event, None) if isinstance(event, str) else next(iter(event.items()))
    for pattern, act in VERBS:
        words = re.fullmatch(pattern, sentence)
        if words:
            act(player, *words.groups(), argument)
            return
    raise AssertionError(f"no such event: {sentence}")


@pytest.mark.parametrize("history", HISTORIES)
def test_history_played_over_engine_and_naive_reading_ends_as_told(history: Mapping[str, Any]) -> None:
    player = Player(history)
    looks = 0
    for event in history["story"]:
        play(player, event)
        looks += not isinstance(event, str) and next(iter(event)) in {"then", "runs", "waits", "superseded"}
    assert looks > 0


def test_histories_are_at_least_sixty_and_each_has_a_name_of_its_own() -> None:
    names = [str(param.id) for param in HISTORIES]
    assert len(names) >= 60
    assert sorted(set(names)) == sorted(names)
