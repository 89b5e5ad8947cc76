"""The people's half of the naive reading (see naive_fold): who is who, whose review counts, who made the change."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import permutations

from stagewright.model.actual import VersionFacts
from stagewright.model.desired import StageEntry
from stagewright.model.keys import Key, SpecKey, StageKey
from stagewright.model.policy import Governance, Policy
from stagewright.model.promotion import Promotion
from stagewright.model.review import Account, Actor, CommitFacts, PullRequest, Reach, Review, SigningKey
from stagewright.model.state import Facts

STRICT = {"approve": 0, "dismissed": 1, "reject": 2}
SHARED = ("root", "airflow")

Person = frozenset[str]


class People:
    """Who is who under one governance: sets of names, merged until no two of them overlap."""

    def __init__(
        self, governance: Governance, facts: Facts, accounts: Iterable[Account], bound: Mapping[str, str | None]
    ) -> None:
        self.governance = governance
        self.policy = policy_of(governance)
        self.teams = facts.teams
        circles: list[set[str]] = []
        for entry in self.policy.people:
            names = [entry.login, *entry.emails, *entry.accounts]
            circles.append({*names, *(f"mlflow {user}" for user in entry.mlflow_users)})
        circles += [{f"key {line.fingerprint}", *line.principals} for line in governance.signers]
        circles += [{login, f"id {own}"} for login, own in bound.items() if own is not None]
        for account in accounts:
            free = f"@{account.login}" not in bound
            circles.append({f"id {account.id}", f"@{account.login}"} if free else {f"id {account.id}"})
        self.circles = merged(circles)

    def person(self, name: str) -> Person | None:
        """The circle that a name belongs to: the person is the set of everything they are called."""
        for circle in self.circles:
            if name in circle:
                return frozenset(circle)
        return None

    def actor(self, actor: Actor | None) -> Person | None:
        match actor:
            case None | Account(bot=True):
                return None
            case Account():
                return self.person(f"id {actor.id}")
            case SigningKey():
                return self.person(f"key {actor.fingerprint}")

    def signer(self, review: Review) -> Person | None:
        """Whose review it is: no machine's, and with a key that was good when it was first seen."""
        actor = review.author
        if isinstance(actor, Account) and actor.bot:
            return None
        if isinstance(actor, SigningKey):
            good = [
                line
                for line in self.governance.signers
                if line.fingerprint == actor.fingerprint
                and (not line.namespaces or "git" in line.namespaces)
                and (line.valid_after is None or line.valid_after <= review.first_seen)
                and (line.valid_before is None or review.first_seen < line.valid_before)
            ]
            if not good:
                return None
        return self.actor(actor)

    def trainer(self, name: str) -> Person | None:
        """Who is behind an MLflow user or a login: somebody whom the governance names. A shared account is nobody."""
        if name.removeprefix("@") in SHARED:
            return None
        listed = {owner for rule in self.governance.owners for owner in rule.owners}
        listed |= {member for group in self.policy.groups for member in group.members}
        stranger = frozenset({name}) if name in listed else None
        return self.person(f"mlflow {name}") or self.person(name) or stranger

    def may(self, person: Person, source: str, paths: Iterable[str]) -> bool:
        """Whether a person is entitled by one source of an approval."""
        if source == "codeowners":
            return all(
                any(self.may(person, owner, ()) for owner in owners(self.governance, path) or ()) for path in paths
            )
        for group in self.policy.groups:
            if group.name == source:
                return bool(set(group.members) & person)
        if source.startswith("@") and "/" in source:
            return bool({f"id {account}" for account in self.teams[source] or ()} & person)
        return source in person

    def nowhere(self, source: str, paths: Iterable[str]) -> bool:
        """Whether a source is, or asks for, a team that the forge does not have."""
        if source == "codeowners":
            return any(self.nowhere(owner, ()) for path in paths for owner in owners(self.governance, path) or ())
        known = any(group.name == source for group in self.policy.groups)
        return not known and self.teams.get(source, ()) is None


def merged(circles: list[set[str]]) -> list[set[str]]:
    """Join any two circles that share a name, again and again, until none do."""
    for i, one in enumerate(circles):
        for j, other in enumerate(circles):
            if i < j and one & other:
                rest = [circle for k, circle in enumerate(circles) if k not in (i, j)]
                return merged([*rest, one | other])
    return circles


def owners(governance: Governance, path: str) -> tuple[str, ...] | None:
    """The owners by the last line that matches."""
    found = None
    for line in governance.owners:
        whole = line.pattern.removeprefix("/")
        if line.pattern == "*" or path == whole or (whole.endswith("/") and path.startswith(whole)):
            found = line.owners
    return found


def policy_of(governance: Governance) -> Policy:
    assert governance.policy is not None
    return governance.policy


@dataclass
class Makers:
    people: set[Person]
    author_known: bool
    committers_known: bool
    trainer_known: bool


def accounts(pull: PullRequest) -> list[Account]:
    actors: list[Actor | None] = [pull.author, *(review.author for review in pull.reviews)]
    actors += [actor for commit in pull.commits for actor in commit.actors]
    return [actor for actor in actors if isinstance(actor, Account)]


def shapes(key: Key, commit: CommitFacts) -> bool:
    """Whether a commit shapes the subject: what is promoted, or the spec and card that the subject takes in."""
    return key in commit.touched or (isinstance(key, StageKey) and SpecKey(key.model) in commit.touched)


def contributors(promotion: Promotion, pull: PullRequest, people: People, version: VersionFacts | None) -> Makers:
    author = people.actor(pull.author)
    makers = {author} if author is not None else set()
    makers |= namesakes(people, [pull.author])
    commits = [commit for commit in pull.commits if shapes(promotion.key, commit)]
    committers_known = bool(commits)
    for commit in commits:
        made = [people.actor(actor) for actor in commit.actors]
        committers_known = committers_known and bool(made) and None not in made
        named = [people.person(name) for name in commit.named]
        makers |= {person for person in (*made, *named) if person is not None}
        makers |= namesakes(people, commit.actors)
    trainer_known = False
    if isinstance(promotion.after, StageEntry):
        said = promotion.after.trainer
        trainer = None if said is None else people.trainer(said.name)
        if said is not None and trainer is not None:
            makers.add(trainer)
            trainer_known = said.declared or people.policy.registry_users_authenticated
        user = version.trainer if version is not None else None
        logged = None if user is None else people.trainer(user)
        if logged is not None:
            makers.add(logged)
    return Makers(makers, author is not None, committers_known, trainer_known)


def namesakes(people: People, actors: Iterable[Actor | None]) -> set[Person]:
    """Those who are called as an account is called: perhaps the same person, and so never independent of it."""
    named = [people.person(f"@{actor.login}") for actor in actors if isinstance(actor, Account)]
    return {person for person in named if person is not None}


def counts(reach: Reach, what: str) -> bool:
    return (
        reach.in_pull
        and not reach.ancestor_of_first_parent
        and reach.merge_bases == 1
        and reach.subjects is not None
        and what in reach.subjects
    )


def may_have_proposed(reach: Reach, what: str) -> bool:
    return reach.subjects is None or what in reach.subjects


def decisions(promotion: Promotion, pull: PullRequest, people: People) -> tuple[set[Person], set[Person]]:
    """Who says yes, and who says no, by the latest decision of each."""
    signed = [
        (person, review)
        for review in pull.reviews
        if review.flaw is None and (person := people.signer(review)) is not None
    ]
    yes, no = set(), set()
    for one in {person for person, _ in signed}:
        own = [review for person, review in signed if person == one]
        withdrawn = {name for review in own if review.present for name in review.withdraws}
        own = [
            review
            for review in own
            if review.decision in STRICT
            and (review.present or review.decision == "reject")
            and (review.claims is None or promotion.subject in review.claims)
            and (
                (review.claims is not None and (review.standing or review.decision == "reject"))
                or counts(review.reach, promotion.subject)
                or (review.decision == "reject" and may_have_proposed(review.reach, promotion.subject))
            )
            and review.id not in withdrawn
        ]
        if not own:
            continue
        last = max(own, key=lambda review: (review.first_seen, STRICT[review.decision], review.id))
        if last.decision == "reject" or any(review.decision == "reject" and review.standing for review in own):
            no.add(one)
        elif last.decision == "approve":
            yes.add(one)
    return yes, no


def entitled(people: People, person: Person, sources: Iterable[str], paths: list[str]) -> bool:
    return any(people.may(person, source, paths) for source in sources)


def assignable(slots: list[list[Person]]) -> bool:
    """Whether different people can fill all slots: every way to line the people up is tried."""
    everybody = {person for slot in slots for person in slot}
    return any(
        all(person in slot for person, slot in zip(line, slots, strict=True))
        for line in permutations(everybody, len(slots))
    )
