"""Which RegistrySync keeps which ledger and which registered models: of two that claim the same, one has the right.

Whoever adopted or wrote a model first keeps it, by its own ledger, but not since before the object was made; among
those that never wrote it, the object that was made first. What another process follows is not seen here.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from stagewright.errors import IncompleteError
from stagewright.kube.caches import key_of
from stagewright.kube.outside import Object

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LAST = datetime.max.replace(tzinfo=UTC)

Right = tuple[bool, datetime, str]
"""The least has the right: whether it never wrote, since when it did (or was made), and its namespace and name."""


@dataclass(kw_only=True)
class _Said:
    """What an object said that it keeps."""

    registry: str
    ledger: tuple[str, Right] | None = None
    models: dict[str, Right] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """`Claims` of one object, among the others of a desk."""

    desk: "ClaimDesk"
    uid: str
    key: str
    registry: str

    def ledger(self, origin: str, since: datetime) -> str:
        """See Claims."""
        return self.desk.ledger(self, origin, since)

    def models(self, since: Mapping[str, datetime | None]) -> Mapping[str, str]:
        """See Claims."""
        return self.desk.models(self, since)


@dataclass(slots=True)
class ClaimDesk:
    """What every object said that it keeps, since this process leads. `objects` are those that there are now.

    Any thread may ask.
    """

    objects: Callable[[], tuple[Object, ...]]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _said: dict[str, _Said] = field(default_factory=dict)
    _tried: set[str] = field(default_factory=set)

    def of(self, namespace: str, name: str, uid: str, registry: str) -> Others:
        """The claims of one object, which names this registry."""
        return Others(desk=self, uid=uid, key=f"{namespace}/{name}", registry=registry_key(registry))

    def tried(self, uid: str) -> None:
        """An attempt at an object ended: whatever it kept to itself it cannot say now."""
        with self._lock:
            self._tried.add(uid)

    def forget_all(self) -> None:
        """Another process led meanwhile: everybody has to say again what they keep."""
        with self._lock:
            self._said.clear()
            self._tried.clear()

    def ledger(self, own: Others, origin: str, since: datetime) -> str:
        """See Claims."""
        with self._lock:
            there = self._there()
            right = _right(there.get(own.uid), own.key, since)
            self._of(own).ledger = origin, right
            for uid, said in self._siblings(own, there):
                if said is not None and said.ledger is not None and said.ledger[0] == origin and said.ledger[1] < right:
                    return _name(own, there[uid])
            return ""

    def models(self, own: Others, since: Mapping[str, datetime | None]) -> Mapping[str, str]:
        """See Claims."""
        with self._lock:
            there = self._there()
            mine = there.get(own.uid)
            rights = {name: _right(mine, own.key, at) for name, at in since.items()}
            said = self._of(own)
            said.registry, said.models = own.registry, rights
            taken: dict[str, str] = {}
            for uid, other in self._siblings(own, there):
                if other is not None and other.models is not None:
                    if other.registry == own.registry:
                        lost = (name for name, right in other.models.items() if name in rights and right < rights[name])
                        taken |= dict.fromkeys(lost, _name(own, there[uid]))
                elif self._awaited(there[uid], mine, own):
                    raise IncompleteError(
                        f"{_name(own, there[uid])} uses the same MLflow, and has not said yet which models it keeps",
                        hint="mend that one, or delete it",
                    )
            return taken

    def _of(self, own: Others) -> _Said:
        return self._said.setdefault(own.uid, _Said(registry=own.registry))

    def _there(self) -> dict[str, Object]:
        """The objects that there are, by uid; what others said is forgotten with them."""
        there = {str(found["metadata"].get("uid")): found for found in self.objects()}
        for uid in self._said.keys() - there.keys():
            del self._said[uid]
        self._tried &= there.keys()
        return there

    def _siblings(self, own: Others, there: Mapping[str, Object]) -> Iterator[tuple[str, _Said | None]]:
        return ((uid, self._said.get(uid)) for uid in there if uid != own.uid)

    def _awaited(self, other: Object, mine: Object | None, own: Others) -> bool:
        """Whether another object may keep what it has not said yet. One without a ledger never wrote anything."""
        spec, status = other.get("spec") or {}, other.get("status") or {}
        uri = (spec.get("registry") or {}).get("uri")
        if not isinstance(uri, str) or registry_key(uri) != own.registry or spec.get("dryRun") is True:
            return False
        if not (status.get("ledger") or {}).get("size"):
            return False
        # one that cannot say it holds up those made after it, and never those made before
        older = _right(other, key_of(other), None) < _right(mine, own.key, None)
        return older or other["metadata"]["uid"] not in self._tried


def registry_key(uri: str) -> str:
    """One text for all spellings of a registry's address: `HTTPS://MLflow.example:443/` and `https://mlflow.example`.

    Two names of one host stay two.
    """
    parts = urlsplit(uri)
    try:
        port = parts.port
    except ValueError:
        port = None
    default = _DEFAULT_PORTS.get(parts.scheme)
    host = (parts.hostname or "").rstrip(".")
    path = "/".join(part for part in unquote(parts.path).split("/") if part not in {"", "."})
    return f"{host}:{port or default or ''}/{path}" if host else uri


def _right(found: Mapping[str, Any] | None, key: str, since: datetime | None) -> Right:
    made = _made(found)
    return since is None, max(made, since) if since is not None else made, key


def _made(found: Mapping[str, Any] | None) -> datetime:
    text = (found or {}).get("metadata", {}).get("creationTimestamp")
    return datetime.fromisoformat(text) if isinstance(text, str) else _LAST


def _name(own: Others, other: Object) -> str:
    """The other object, for those who may know of it."""
    if other["metadata"]["namespace"] == own.key.partition("/")[0]:
        return f"the RegistrySync {other['metadata']['name']}"
    return "a RegistrySync of another namespace"
