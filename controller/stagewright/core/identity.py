"""What identifies a promotion, and what a person signs off: digests over RFC 8785 JSON.

    promotion id = SHA-256 of {"commit": …, "from": …, "key": …, "origin": …, "to": …}
    subject      = SHA-256 of {"card": …, "from": …, "key": …, "origin": …, "spec": …, "to": …}

The subject names no commit and no policy: it has to be knowable when people review.
"""

import hashlib

import rfc8785

from stagewright.model.codec import Json, value_to_json
from stagewright.model.desired import DesiredState, Value
from stagewright.model.keys import GovernanceKey, Key, SpecKey


def canonical_digest(data: Json) -> str:
    """Hex SHA-256 over the RFC 8785 form of `data`."""
    return hashlib.sha256(rfc8785.dumps(data)).hexdigest()


def promotion_id(*, origin: str, commit: str, key: Key, before: Value | None, after: Value | None) -> str:
    """The promotion's name: the same everywhere and for ever, whatever the repository is called."""
    return canonical_digest(
        {
            "origin": origin,
            "commit": commit,
            "key": str(key),
            "from": value_to_json(before),
            "to": value_to_json(after),
        }
    )


def subject_of(*, origin: str, key: Key, before: Value | None, after: DesiredState) -> str:
    """The subject of the change of `key` from `before` to what `after` declares, with the spec and card there."""
    spec, card = surroundings(after, key)
    return canonical_digest(
        {
            "origin": origin,
            "key": str(key),
            "from": value_to_json(before),
            "to": value_to_json(after.values.get(key)),
            "spec": None if spec is None else canonical_digest(value_to_json(spec)),
            "card": card,
        }
    )


def surroundings(state: DesiredState, key: Key) -> tuple[Value | None, str | None]:
    """The spec and the card digest that a key's subject takes in; neither for the governance."""
    if isinstance(key, GovernanceKey):
        return None, None
    return state.values.get(SpecKey(key.model)), state.cards.get(key.model)
