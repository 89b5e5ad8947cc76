"""A small world for the fold: commits, branches, pull requests, reviews and a registry, all of them values.

It keeps a graph of commits with the desired state of each, and works out of it what git and a forge would say:
merge bases, which commit belongs to a pull request, which keys a commit touches. Digests are those of the naive
reading, so that the engine has to agree with them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from stagewright.model.actual import DataSet, VersionFacts
from stagewright.model.desired import (
    NOBODY,
    CodeOwnersLines,
    DesiredState,
    GovernanceValue,
    Spec,
    StageEntry,
    Trainer,
    Value,
)
from stagewright.model.keys import GovernanceKey, Key, SpecKey, StageKey, parse_key
from stagewright.model.policy import (
    AllowedSigner,
    Approval,
    Governance,
    Group,
    OwnerRule,
    PersonEntry,
    Policy,
    Rule,
    StagePolicy,
)
from stagewright.model.promotion import Promotion, Step
from stagewright.model.review import Account, Actor, CommitFacts, Decision, PullRequest, Reach, Review, SigningKey
from stagewright.model.state import Facts
from tests.property import naive_fold as naive

ORIGIN = "ledger.example/prod"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CATALOGUE: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "vectors" / "histories" / "policies.yaml").read_text(encoding="utf-8")
)
PEOPLE: tuple[str, ...] = tuple(CATALOGUE["people"])
RISK = {"@acme/risk": ["rita", "rob"]}
TIERS = ["low", "medium", "high"]
BRANCH = "main"


# --- values as the histories write them --------------------------------------------------------------------------


def digest(text: str) -> str:
    return f"sha256:{naive.sha(text)}"


def entry(model: str, said: Any) -> Value | None:
    """`2`, `none`, nothing, or `{v: 2, digest: other, evidence: other, run: other, trainer: "@dana"}`."""
    if said is None:
        return None
    if said == "none":
        return NOBODY
    given = said if isinstance(said, dict) else {"v": said}
    name = f"{model} {given['v']}"
    trainer = given.get("trainer", {"declared": "@tess"})
    return StageEntry(
        version=given["v"],
        digest=digest(f"artifacts {given.get('digest', name)}"),
        evidence=digest(f"evidence {given.get('evidence', name)}"),
        run_id=f"run of {given.get('run', name)}",
        model_id=given.get("model-id"),
        source=given.get("source"),
        trainer=None if trainer is None else Trainer(name=next(iter(trainer.values())), declared="declared" in trainer),
    )


def spec(model: str, said: Any) -> Spec | None:
    """`low`, nothing, or `{tier: low, owner: …, purpose: …, card: …, mode: …, name: …, withdrawn: [2]}`."""
    if said is None:
        return None
    given = said if isinstance(said, dict) else {"tier": said}
    return Spec(
        owner=given.get("owner", "@acme/credit-ml"),
        purpose=given.get("purpose", "Score applications"),
        risk_tier=given["tier"],
        card=given.get("card", f"cards/{model}.md"),
        mode=given.get("mode"),
        registered_model=given.get("name", model),
        withdrawn=tuple(digest(f"artifacts {model} {version}") for version in given.get("withdrawn", ())),
    )


def governance_value(said: Any) -> GovernanceValue | None:
    """`weak`, nothing, or `{policy: weak, owners: nobody, signers: without-rita}`."""
    if said is None:
        return None
    given = said if isinstance(said, dict) else {"policy": said}
    policy, owners, signers = (given.get(name, "standard") for name in ("policy", "owners", "signers"))
    lines = tuple(CATALOGUE["owners"][owners])
    return GovernanceValue(
        policy=None if policy == "no-policy" else f"policy {policy}",
        allowed_signers=f"signers {signers}",
        codeowners=(CodeOwnersLines(location=given.get("location", "CODEOWNERS"), lines=lines),) if lines else (),
    )


@cache
def governance(value: GovernanceValue) -> Governance:
    """What the files behind a governance value hold."""
    policy = None if value.policy is None else value.policy.removeprefix("policy ")
    signers = (value.allowed_signers or "").removeprefix("signers ")
    lines = [line for file in value.codeowners[:1] for line in file.lines]
    return Governance(
        value=value,
        digest=naive.sha(naive.plain(value)),
        policy=None if policy is None else policy_from(CATALOGUE["policies"][policy]),
        owners=tuple(
            OwnerRule(pattern=line.split()[0], owners=tuple(line.split()[1:]), line=number)
            for number, line in enumerate(lines, 1)
        ),
        signers=tuple(signers_from(CATALOGUE["signers"][signers])),
        path="",
    )


def mail(person: str) -> str:
    return f"{person}@acme.example"


def policy_from(said: Mapping[str, Any]) -> Policy:
    stages = said.get("stages", CATALOGUE["policies"]["standard"]["stages"])
    groups: Mapping[str, list[str]] = said.get("groups", RISK)
    accounts: Mapping[str, list[str]] = said.get("accounts", {})
    return Policy(
        stages=tuple(
            StagePolicy(name=name, ungoverned=how.get("ungoverned", False), aliases=(name.lower(),))
            for name, how in stages.items()
        ),
        default_mode="enforce",
        origin=said.get("origin", ORIGIN),
        rules=tuple(rule_from(rule) for rule in said["rules"]),
        people=tuple(
            PersonEntry(
                login=f"@{person}",
                emails=(mail(person),),
                mlflow_users=(f"ml-{person}",),
                accounts=tuple(f"@{account}" for account in accounts.get(person, ())),
            )
            for person in PEOPLE
        ),
        groups=tuple(Group(name=name, members=tuple(f"@{m}" for m in members)) for name, members in groups.items()),
        registry_users_authenticated=said.get("authenticated", False),
    )


def rule_from(said: Mapping[str, Any]) -> Rule:
    match = said["match"]
    approvals = [approval.split(" ", 1) for approval in said["approvals"]]
    return Rule(
        name=said["name"],
        stages=tuple(match.get("stages", ())),
        risk_tiers=tuple(match.get("riskTiers", TIERS)),
        governance=match.get("governance", False),
        approvals=tuple(Approval(count=int(count), sources=tuple(who.split(" or "))) for count, who in approvals),
        independent_of=tuple(said.get("independentOf", ())),
        evidence=tuple(said.get("evidence", ())),
        after=tuple(said.get("after", ())),
    )


def signers_from(differences: Mapping[str, Any]) -> Iterable[AllowedSigner]:
    for line, person in enumerate(PEOPLE, 1):
        how = differences.get(person, {})
        if how == "gone":
            continue
        yield AllowedSigner(
            principals=tuple(mail(name) for name in how.get("principals", [person])),
            fingerprint=f"SHA256:{person}",
            namespaces=tuple(how.get("namespaces", ())),
            valid_after=START + timedelta(days=how["from"]) if "from" in how else None,
            valid_before=START + timedelta(days=how["until"]) if "until" in how else None,
            line=line,
        )


# --- history -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tree:
    """What stands at a commit: values by key, and the text of the model cards."""

    values: Mapping[Key, Value]
    cards: Mapping[str, str]

    def with_changes(self, changes: Mapping[str, Any]) -> "Tree":
        """`{credit/Staging: 2, credit/@spec: low, credit/card: text, "@governance": weak}`; nothing removes a key."""
        values, cards = dict(self.values), dict(self.cards)
        for name, said in changes.items():
            model, _, what = name.partition("/")
            if what == "card":
                cards[model] = said
                continue
            key = parse_key(name)
            value: Value | None
            match key:
                case GovernanceKey():
                    value = governance_value(said)
                case SpecKey():
                    value = spec(key.model, said)
                case StageKey():
                    value = entry(key.model, said)
            values.pop(key, None)
            if value is not None:
                values[key] = value
        return Tree(values, cards)

    def merged(self, base: "Tree", other: "Tree") -> "Tree":
        """This tree, with what the other changed since their base."""
        values = {**self.values}
        for key in {*base.values, *other.values}:
            if base.values.get(key) != other.values.get(key):
                values.pop(key, None)
                if key in other.values:
                    values[key] = other.values[key]
        cards = {name: text for name, text in other.cards.items() if base.cards.get(name) != text}
        return Tree(values, {**self.cards, **cards})

    def state(self, commit: str) -> DesiredState:
        named = {key.model for key, value in self.values.items() if isinstance(key, SpecKey) and _has_card(value)}
        cards = {model: digest(text) for model, text in self.cards.items() if model in named}
        return DesiredState(commit=commit, values=self.values, cards=cards)


def _has_card(value: Value) -> bool:
    return isinstance(value, Spec) and value.card is not None


@dataclass(frozen=True)
class Commit:
    id: str
    parents: tuple[str, ...]
    tree: Tree
    actors: tuple[Actor, ...]
    named: tuple[str, ...]


@dataclass
class Pull:
    """A branch with its pull request. `ever` are all commits that were once on it, also before a rebase."""

    head: str
    author: Actor | None
    base: str = BRANCH
    ever: set[str] = field(default_factory=set)
    reviews: list[tuple[Review, str]] = field(default_factory=list)


@dataclass
class World:
    """Everything outside: the repository, the forge, the registry and the clock. `forge` is git or accounts."""

    forge: str = "git"
    commits: dict[str, Commit] = field(default_factory=dict)
    main: str = ""
    pulls: dict[str, Pull] = field(default_factory=dict)
    brought: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    versions: dict[tuple[str, int], VersionFacts | None] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    teams: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    lines: dict[str, frozenset[str]] = field(default_factory=dict)
    now: datetime = START
    positions: int = 0

    def begin(self, changes: Mapping[str, Any]) -> DesiredState:
        """The first commit, at which the ledger begins."""
        self.main = self._commit((), Tree({}, {}).with_changes(changes), (), ())
        return self.state(self.main)

    def state(self, commit: str) -> DesiredState:
        return self.commits[commit].tree.state(commit)

    def actor(self, who: str) -> Actor | None:
        """Who acts: `nobody` leaves no trace, `x-bot` is a machine; whom the signers do not list, nobody knows."""
        if who == "nobody":
            return None
        if self.forge == "git":
            return SigningKey(fingerprint=f"SHA256:{who}")
        return Account(id=f"id-{who}", login=who, bot=who.endswith("bot"))

    def commit(self, who: str, branch: str, changes: Mapping[str, Any], *, naming: str = "") -> None:
        """A commit on a branch; the first one opens the pull request."""
        pull = self.pulls.get(branch)
        if pull is None:
            pull = self.pulls[branch] = Pull(head=self.main, author=self.actor(who))
        tree = self.commits[pull.head].tree.with_changes(changes)
        self._advance(pull, (pull.head,), tree, who, naming)

    def fork(self, who: str, branch: str, name: str) -> None:
        """Another branch, with a pull request of its own, that begins where this one stands."""
        self.pulls[name] = Pull(head=self.pulls[branch].head, author=self.actor(who))

    def update(self, who: str, branch: str, changes: Mapping[str, Any]) -> None:
        """Main is merged into a branch; `changes` are slipped in."""
        pull = self.pulls[branch]
        tree = self._merge(pull.head, self.main).with_changes(changes)
        self._advance(pull, (pull.head, self.main), tree, who, "")

    def rebase(self, who: str, branch: str) -> None:
        """The branch is written anew on top of main, as one commit."""
        pull = self.pulls[branch]
        self._advance(pull, (self.main,), self._merge(self.main, pull.head), who, "")

    def review(self, who: str, branch: str, decision: Decision, *, name: str = "", **more: Any) -> str:
        """A review of the branch's head. On the git forge it names the subjects that stand there."""
        pull = self.pulls[branch]
        self.now += timedelta(minutes=1)
        name = name or f"review {sum(len(p.reviews) for p in self.pulls.values()) + 1}"
        merged = [onto for of, onto, head in self.brought.values() if (of, head) == (branch, pull.head)]
        base = self.bases(pull.head, merged[-1] if merged else self.main)[0]
        there = naive.subjects(ORIGIN, self.state(base), self.state(pull.head))
        git = self.forge == "git"
        blank = Reach(commit=pull.head, in_pull=False, ancestor_of_first_parent=False, merge_bases=0, subjects=None)
        review = Review(
            id=name,
            author=self.actor(who),
            decision=decision,
            first_seen=self.now,
            reach=blank,
            claims=there if git else None,
            standing=git and decision == "reject",
        )
        pull.reviews.append((replace(review, **more), pull.head))
        return name

    def amend_review(self, name: str, **more: Any) -> None:
        """What became of a review: `present=False`, `decision="dismissed"`, `flaw="the tag was moved"`."""
        for pull in self.pulls.values():
            pull.reviews = [(replace(r, **more), c) if r.id == name else (r, c) for r, c in pull.reviews]

    def merge(self, branch: str, how: str, changes: Mapping[str, Any]) -> Step:
        """The pull request is merged by `merge`, `squash` or `octopus`; `changes` are in no commit of the branch."""
        pull, base = self.pulls[branch], self.main
        parents = {"merge": (base, pull.head), "squash": (base,), "octopus": (base, pull.head, pull.head)}[how]
        tree = self._merge(base, pull.head).with_changes(changes)
        self.main = self._commit(parents, tree, (), ())
        return self._step(base, branch, len(parents))

    def push(self, changes: Mapping[str, Any]) -> Step:
        """A commit on main that no pull request brought."""
        base = self.main
        self.main = self._commit((base,), self.commits[base].tree.with_changes(changes), (), ())
        return self._step(base, "", 1)

    def facts(self) -> Facts:
        values = {value for commit in self.commits.values() for value in commit.tree.values.values()}
        return Facts(
            now=self.now,
            branch=BRANCH,
            governances={value: governance(value) for value in values if isinstance(value, GovernanceValue)},
            versions={
                (m, v): self.version(m, v)
                for m in ("credit", "fraud", "credit-eu", "mortgage", "Fraud")
                for v in range(1, 6)
            },
            teams=self.teams,
        )

    def version(self, model: str, number: int) -> VersionFacts | None:
        if (model, number) in self.versions:
            return self.versions[model, number]
        return honest(model, number)

    def pulls_of(self, promotions: Iterable[Promotion]) -> dict[str, PullRequest | None]:
        """The pull requests of open promotions, read anew."""
        return {p.id: self.pull_request(*self.brought[p.commit]) for p in promotions if p.commit in self.brought}

    def pull_request(self, branch: str, base: str, head: str) -> PullRequest:
        """What the forge says of the pull request that was merged onto `base` with `head`."""
        pull = self.pulls[branch]
        mine = sorted(self.ancestors(head) - self.ancestors(base))
        return PullRequest(
            id=branch,
            title=branch,
            url=None,
            base_branch=pull.base,
            author=pull.author,
            head=self._reach(head, base, mine, pull),
            commits=tuple(self._commit_facts(self.commits[one], mine, head, base) for one in mine),
            reviews=tuple(replace(r, reach=self._reach(at, base, mine, pull)) for r, at in pull.reviews),
        )

    def ancestors(self, commit: str) -> frozenset[str]:
        """A commit and all that is before it."""
        if commit not in self.lines:
            self.lines[commit] = frozenset({commit}).union(*map(self.ancestors, self.commits[commit].parents))
        return self.lines[commit]

    def bases(self, one: str, other: str) -> list[str]:
        common = self.ancestors(one) & self.ancestors(other)
        return sorted(c for c in common if not any(c in self.ancestors(d) for d in common if d != c))

    def _reach(self, commit: str, base: str, mine: Iterable[str], pull: Pull) -> Reach:
        bases = self.bases(commit, base)
        gone = commit in self.unreadable
        return Reach(
            commit=commit,
            in_pull=commit in (mine if self.forge == "git" else pull.ever),
            ancestor_of_first_parent=commit in self.ancestors(base),
            merge_bases=len(bases),
            subjects=None if gone else naive.subjects(ORIGIN, self.state(bases[0]), self.state(commit)),
        )

    def _commit_facts(self, commit: Commit, mine: Iterable[str], head: str, base: str) -> CommitFacts:
        parents = [self.state(parent) for parent in commit.parents]
        inside = [self.state(parent) for parent in commit.parents if parent in mine]
        touched = naive.touched(self.state(commit.id), parents)
        touched |= naive.brought(self.state(commit.id), inside, self.state(head), self.state(base))
        return CommitFacts(id=commit.id, actors=commit.actors, named=commit.named, touched=touched)

    def _merge(self, ours: str, theirs: str) -> Tree:
        base = self.commits[self.bases(ours, theirs)[0]].tree
        return self.commits[ours].tree.merged(base, self.commits[theirs].tree)

    def _advance(self, pull: Pull, parents: tuple[str, ...], tree: Tree, who: str, naming: str) -> None:
        actor = self.actor(who)
        pull.head = self._commit(
            parents, tree, () if actor is None else (actor,), tuple(mail(name) for name in naming.split())
        )
        pull.ever.add(pull.head)

    def _commit(self, parents: tuple[str, ...], tree: Tree, actors: tuple[Actor, ...], named: tuple[str, ...]) -> str:
        name = f"commit {len(self.commits):03}"
        self.commits[name] = Commit(name, parents, tree, actors, named)
        return name

    def _step(self, base: str, branch: str, parents: int) -> Step:
        self.positions += 1
        self.now += timedelta(minutes=1)
        pull = None
        if branch:
            self.brought[self.main] = (branch, base, self.pulls[branch].head)
            pull = self.pull_request(*self.brought[self.main])
        return Step(
            position=self.positions,
            first_parent=base,
            commit=self.main,
            parents=parents,
            before=self.state(base),
            after=self.state(self.main),
            pull=pull,
        )


@cache
def honest(model: str, number: int) -> VersionFacts:
    return version_facts(model, number)


def version_facts(model: str, number: int, **more: Any) -> VersionFacts:
    """What an honest registry says of a version: just what its pins say."""
    pins = entry(model, number)
    assert isinstance(pins, StageEntry)
    data = DataSet(name="loans", digest="d1", digest_kind="mlflow", context="training", source=None)
    facts = VersionFacts(
        name=model,
        version=number,
        status="READY",
        run_id=pins.run_id,
        model_id=f"model of {model} {number}",
        source=f"models:/{model}/{number}",
        digest=pins.digest,
        evidence=pins.evidence,
        evidence_document=None,
        data_sets=(data,),
        metrics={"auc": 0.9},
        source_commit=None,
        trainer=None,
    )
    return replace(facts, **more)
