"""What the operator says about a controller: its flags, as one frozen value."""

import re
from dataclasses import dataclass

from stagewright.errors import UsageError
from stagewright.model.custom_resource import OBJECT_STORES, Places

_DURATION = re.compile(r"(?:([0-9]+)m)?(?:([0-9]+(?:\.[0-9]+)?)s)?")
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SIZE = re.compile(r"([1-9][0-9]{0,5})(Ki|Mi|Gi)")
_UNITS = {"Ki": 1024, "Mi": 1024**2, "Gi": 1024**3}
EVERYWHERE = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseSettings:
    """The lease that says which process leads. Times are seconds."""

    namespace: str
    name: str
    holder: str
    duration_s: float
    renew_deadline_s: float
    retry_period_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A controller's settings. `namespaces` None means all of them; an address None means that nothing listens.

    `grace_s` is how long a sync in hand may go on after SIGTERM; a worker that has had one object for longer than
    `stuck_after_s` is told of by the health check.
    """

    namespaces: tuple[str, ...] | None
    selector: str
    workers: int
    lease: LeaseSettings
    places: Places
    webhook_address: str | None
    metrics_address: str | None
    health_address: str | None
    grace_s: float
    stuck_after_s: float
    image: str | None


def parse_seconds(text: str, flag: str) -> float:
    """`15s`, `2.5s` or `1m30s`, in seconds. UsageError for anything else, and for nothing at all."""
    found = _DURATION.fullmatch(text)
    seconds = 60 * int(found[1] or 0) + float(found[2] or 0) if found else 0.0
    if seconds <= 0:
        raise UsageError(f"{flag}: {text[:40]!r} is no duration", hint="write 15s, or 1m30s")
    return seconds


def parse_size(text: str, flag: str) -> int:
    """`512Mi` or `1Gi` (1024 times as much), in bytes, as Kubernetes spells it. UsageError for anything else."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise UsageError(f"{flag}: {text[:40]!r} is no size", hint="write 512Mi, or 1Gi")
    return int(found[1]) * _UNITS[found[2]]


def parse_namespaces(text: str, own: str) -> tuple[str, ...] | None:
    """`a,b` (none named: `own`), or `*` for all of them, which is None."""
    names = parse_words(text)
    if names == (EVERYWHERE,):
        return None
    for name in names:
        if not _NAMESPACE.fullmatch(name):
            raise UsageError(f"--namespaces: {name[:80]!r} is no namespace", hint="write their names, or * for all")
    return names or (own,)


def parse_words(text: str) -> tuple[str, ...]:
    """`a,b`, each once; none where nothing is named."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def parse_stores(text: str) -> tuple[str, ...]:
    """`s3,gs`: kinds of object stores. UsageError for anything else; a folder of the pod's is never one."""
    kinds = parse_words(text)
    for kind in kinds:
        if kind not in OBJECT_STORES:
            known = ", ".join(sorted(OBJECT_STORES))
            raise UsageError(f"--allow-artifact-stores: {kind[:40]!r} is no object store", hint=f"one of {known}")
    return kinds
