"""Checking again, offline, that a recorded decision is the one that somebody signed."""

import hashlib

from stagewright.adapters.git.forge import as_review
from stagewright.adapters.git.objects import MalformedObjectError, parse_tag
from stagewright.ledger.predicates import Observation
from stagewright.model.review import SigningKey


def observation_flaw(body: bytes, observation: Observation) -> str | None:
    """Why `body`, the tag object that was kept, does not prove the observation; None when it does.

    The signature is verified with the key that it carries, and that key, the commit, the decision and the subjects
    are compared with what was recorded. Whose key it is, the governance of that time says.
    """
    try:
        tag = parse_tag(body)
    except MalformedObjectError as error:
        return f"the signed object is no tag: {error}"
    # git names an object by the SHA-1 of its kind, size and bytes
    oid = hashlib.sha1(b"tag %d\0%b" % (len(body), body), usedforsecurity=False).hexdigest()
    review = as_review(oid, tag.target, tag, body)
    if review.flaw is not None:
        return f"tag {oid} does not hold: {review.flaw}"
    compared = (
        ("object", review.id, observation.review),
        ("key", review.author, SigningKey(fingerprint=observation.key)),
        ("decision", review.decision, observation.kind),
        ("commit", review.commit, observation.commit),
        ("subjects", review.claims, frozenset(observation.subjects)),
        ("withdrawals", review.withdraws, observation.withdraws),
    )
    wrong = [what for what, found, recorded in compared if found != recorded]
    return f"tag {oid} says another {' and '.join(wrong)} than was recorded" if wrong else None
