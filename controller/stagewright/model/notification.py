"""What people and their systems are told: one piece of news, as a value with everything that a channel may show."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from stagewright.model.codec import Json
from stagewright.model.custom_resource import NotificationKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One piece of news. `origin` and `id` together name it for ever: who gets it twice can tell.

    `id` is the index of the ledger's entry, for a reminder followed by the hours: `8/48h`. `summary` is a sentence for
    people; it and everything in `details` may hold text of strangers. `model` and `stage` are empty where it is about
    none. `details` are the fields that only its kind has.
    """

    id: str
    origin: str
    kind: NotificationKind
    at: datetime
    namespace: str
    sync: str
    subject: str
    model: str
    stage: str
    summary: str
    promotion: str | None = None
    commit: str | None = None
    pull_url: str | None = None
    pull_title: str | None = None
    details: Mapping[str, Json]
