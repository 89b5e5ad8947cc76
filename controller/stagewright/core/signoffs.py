"""Sign-offs: which reviews count for a promotion, whose they are, and who contributed to it and so may not give one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from stagewright.core.people import Directory
from stagewright.model.actual import VersionFacts
from stagewright.model.desired import StageEntry
from stagewright.model.keys import Key, SpecKey, StageKey
from stagewright.model.promotion import Promotion
from stagewright.model.review import Account, Actor, CommitFacts, PullRequest, Reach, Review
from stagewright.model.verdict import SignOff


@dataclass(frozen=True, slots=True, kw_only=True)
class Contributors:
    """Who made what is promoted, with the reason for each; and what could not be told.

    `author_unknown` and `committers_unknown` are sentences, empty when everybody is known.
    """

    persons: Mapping[str, str]
    author_unknown: str
    committers_unknown: str
    trainer_unknown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The latest decision of each person over the reviews that count, and every review with the reason for its fate.

    `timely` are the approvers where approvals from after the merge are left out.
    """

    approvers: Mapping[str, Review]
    timely: Mapping[str, Review]
    rejecters: Mapping[str, Review]
    sign_offs: tuple[SignOff, ...]


def reaches(reach: Reach, subject: str) -> str:
    """Empty when a review of this commit can count for `subject`; else the reason why it cannot."""
    if not reach.in_pull:
        return "the reviewed commit does not belong to the pull request"
    if reach.ancestor_of_first_parent:
        return "the reviewed commit was on the branch before the pull request"
    if reach.merge_bases != 1:
        return f"the reviewed commit has {reach.merge_bases} merge bases with the branch, not one"
    if reach.subjects is None:
        return "the reviewed commit cannot be read any more"
    if subject not in reach.subjects:
        return "the reviewed commit proposed something else: pins, what they replace, the card or the spec changed"
    return ""


def rejects(reach: Reach, subject: str) -> bool:
    """Whether a rejection of this commit is one of `subject`: in doubt it is.

    It need not belong to the pull request any more, or whoever is rejected could shake that off by a forced push.
    """
    return reach.subjects is None or subject in reach.subjects


def accounts_in(pull: PullRequest) -> tuple[Account, ...]:
    """Every forge account that occurs in a pull request."""
    actors = [pull.author, *(r.author for r in pull.reviews), *(a for c in pull.commits for a in c.actors)]
    return tuple(actor for actor in actors if isinstance(actor, Account))


def contributors(promotion: Promotion, directory: Directory, facts: VersionFacts | None) -> Contributors:
    """The pull request's author, whoever made a commit that changes the subject, and the trainer as far as known."""
    persons: dict[str, str] = {}
    pull = promotion.pull
    author = directory.contributor(pull.author) if pull and pull.author else None
    if pull and pull.author:
        for person in ({author} if author else set()) | directory.known(_logins([pull.author])):
            persons[person] = "opened the pull request"
    commits = [c for c in pull.commits if _shapes(c, promotion.key)] if pull else []
    unknown = []
    for commit in commits:
        made_by = {directory.contributor(actor) for actor in commit.actors}
        if not made_by or None in made_by:
            unknown.append(commit.id[:12])
        for person in {*(p for p in made_by if p), *directory.known((*commit.named, *_logins(commit.actors)))}:
            persons.setdefault(person, f"made commit {commit.id[:12]}, which changes what is promoted")
    trainers, trainer_unknown = _trainers(promotion, directory, facts)
    for person in trainers:
        persons.setdefault(person, "trained the version")
    return Contributors(
        persons=persons,
        author_unknown="" if author else _author_unknown(pull.author if pull else None),
        committers_unknown=_committers_unknown(commits, unknown),
        trainer_unknown=trainer_unknown,
    )


def _logins(actors: Iterable[Actor]) -> list[str]:
    # Whoever has the login of somebody whom the governance names, and is somebody else by id, may be the same person.
    return [f"@{actor.login}" for actor in actors if isinstance(actor, Account)]


def _shapes(commit: CommitFacts, key: Key) -> bool:
    # The subject of a stage takes in the spec and the card, also those of a commit that knew no such stage yet.
    return key in commit.touched or (isinstance(key, StageKey) and SpecKey(key.model) in commit.touched)


def _author_unknown(author: Actor | None) -> str:
    if isinstance(author, Account) and author.bot:
        return f"a bot ({author.login}) opened the pull request, and on whose behalf is not known"
    return "who opened the pull request is not proven"


def _committers_unknown(commits: list[CommitFacts], unknown: list[str]) -> str:
    if not commits:
        return "no commit of the pull request is known to make this change"
    return (
        f"who made commit {', '.join(sorted(unknown))} is not proven (unsigned, or an unknown key)" if unknown else ""
    )


def _trainers(promotion: Promotion, directory: Directory, facts: VersionFacts | None) -> tuple[frozenset[str], str]:
    entry = promotion.after
    if not isinstance(entry, StageEntry):
        return frozenset(), ""
    names = {entry.trainer.name} if entry.trainer else set()
    names |= {facts.trainer} if facts and facts.trainer else set()
    found = {name: directory.trainer(name) for name in names}
    persons = frozenset(person for person in found.values() if person)
    if entry.trainer is None:
        return persons, "the entry names no trainer"
    if found[entry.trainer.name] is None:
        return persons, f"{entry.trainer.name!r} is a shared account or nobody whom the policy knows"
    if not entry.trainer.declared and not directory.registry_users_authenticated:
        return persons, "MLflow's word on who trained it is not authenticated: declare the trainer in the entry"
    return persons, ""


def tally(promotion: Promotion, directory: Directory, makers: Contributors) -> Tally:
    """Count the reviews of `promotion` as `directory` knows their authors. The order of reviews changes nothing."""
    reviews = sorted(promotion.pull.reviews, key=lambda r: (r.first_seen, r.id)) if promotion.pull else []
    judged = [(review, *_voice(review, promotion, directory)) for review in reviews]
    by_person: dict[str, list[Review]] = {}
    for review, person, reason in judged:
        if person and not reason:
            by_person.setdefault(person, []).append(review)
    withdrawn = {
        (person, named)
        for review, person, _ in judged
        if person and review.present and not review.flaw
        for named in review.withdraws
    }
    latest = {person: _latest(person, own, withdrawn) for person, own in by_person.items()}
    merged = _merged(promotion)
    in_time = {
        person: _latest(person, [r for r in own if r.decision != "approve" or not _late(r, merged)], withdrawn)
        for person, own in by_person.items()
    }
    return Tally(
        approvers=_approving(latest, makers),
        timely=_approving(in_time, makers),
        rejecters={p: r for p, r in sorted(latest.items()) if r and r.decision == "reject"},
        sign_offs=tuple(_sign_off(r, p, reason, latest, makers) for r, p, reason in judged),
    )


def _approving(latest: Mapping[str, Review | None], makers: Contributors) -> Mapping[str, Review]:
    return {p: r for p, r in sorted(latest.items()) if r and r.decision == "approve" and p not in makers.persons}


def _merged(promotion: Promotion) -> datetime | None:
    """When it was merged, as far as known: by the forge's clock, and not after the ledger judged it first."""
    told = [promotion.pull.merged_at if promotion.pull else None, promotion.since]
    return min((moment for moment in told if moment is not None), default=None)


def _late(review: Review, merged: datetime | None) -> bool:
    return merged is not None and review.first_seen > merged


def _voice(review: Review, promotion: Promotion, directory: Directory) -> tuple[str | None, str]:
    """Whose review it is, and why it does not count for the promotion (empty: it does)."""
    if review.author is None:
        return None, review.flaw or "who gave it is not known"
    person, unknown = directory.signer(review.author, review.first_seen)
    if review.flaw or unknown:
        return person, review.flaw or unknown
    if review.decision == "comment":
        return person, "a comment decides nothing"
    if not review.present and review.decision != "reject":
        return person, "it was withdrawn: the approval is gone from the forge"
    if review.claims is not None and promotion.subject not in review.claims:
        return person, "it names other subjects than this promotion's"
    if review.claims is not None and (review.standing or review.decision == "reject"):
        # What was rejected by name is not made another thing by committing it anew, or by proposing it elsewhere.
        return person, ""
    if review.decision == "reject" and rejects(review.reach, promotion.subject):
        return person, ""
    return person, reaches(review.reach, promotion.subject)


# Of two decisions seen at the same moment the stricter one is taken as the later.
_STRICTNESS = {"approve": 0, "dismissed": 1, "reject": 2}


def _latest(person: str, own: list[Review], withdrawn: set[tuple[str, str]]) -> Review | None:
    left = [r for r in own if (person, r.id) not in withdrawn]
    standing = [r for r in left if r.decision == "reject" and r.standing]
    order = sorted(standing or left, key=lambda r: (r.first_seen, _STRICTNESS[r.decision], r.id))
    return order[-1] if order else None


def _sign_off(
    review: Review, person: str | None, reason: str, latest: Mapping[str, Review | None], makers: Contributors
) -> SignOff:
    if not reason and person:
        reason = _fate(review, person, latest, makers)
    return SignOff(
        review=review.id,
        person=person,
        decision=review.decision,
        commit=review.reach.commit,
        first_seen=review.first_seen,
        role=None,
        counted=not reason,
        reason=reason,
    )


def _fate(review: Review, person: str, latest: Mapping[str, Review | None], makers: Contributors) -> str:
    if latest[person] is not review:
        return "a later decision of the same person, or its withdrawal, replaces it"
    if review.decision == "dismissed":
        return "it was dismissed"
    if review.decision == "approve" and person in makers.persons:
        return f"{person} {makers.persons[person]}, and nobody approves their own work"
    return ""
