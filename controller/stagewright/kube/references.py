"""The Secrets and ConfigMaps that objects name: fetched when they may have changed, and a reason to look when they do.

Where the controller may watch them, one is fetched anew only after a change was seen; where it may only get them by
name (`resourceNames`), each reconcile asks again. Of what is watched only names and versions are looked at; contents
are asked for by name, and only those that an object names.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from stagewright.kube.outside import Change, Object
from stagewright.model.custom_resource import CustomResource, ReferenceKind

Named = tuple[ReferenceKind, str, str]
"""Kind, namespace and name."""


class Materialiser(Protocol):
    """Writes what objects refer to into files."""

    def materialise(self, resource: CustomResource) -> str:
        """Fetch and write all of it; a text that changes whenever any of it does. NotFoundError, ForbiddenError."""
        ...

    def remove(self, namespace: str, uid: str) -> None:
        """Remove the files of one object."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """What one object named when it was last looked at; `fingerprint` None: it has to be fetched anew."""

    resource: CustomResource
    fingerprint: str | None


class ReferenceDesk:
    """`References`, with a memory of what is up to date. Any thread may ask."""

    def __init__(self, materialiser: Materialiser, *, live: Callable[[str], bool], wake: Callable[[str], None]) -> None:
        """`live` says whether changes in a namespace are seen as they happen. `wake` gets the keys of who names one."""
        self._materialiser = materialiser
        self._live = live
        self._wake = wake
        self._lock = threading.Lock()
        self._desks: dict[str, _Desk] = {}
        self._versions: dict[Named, str] = {}

    def materialise(self, resource: CustomResource) -> str:
        """See `References.materialise`."""
        key = f"{resource.namespace}/{resource.name}"
        with self._lock:
            desk = self._desks.get(key)
            known = desk is not None and desk.resource.uid == resource.uid
            same = desk is not None and desk.resource.references == resource.references and known
            if desk is not None and same and desk.fingerprint is not None and self._live(resource.namespace):
                return desk.fingerprint
            # before it is fetched: a change that is seen meanwhile makes it stale again
            self._desks[key] = _Desk(resource=resource, fingerprint="")
        if desk is not None and not known:
            self._materialiser.remove(resource.namespace, desk.resource.uid)
        try:
            fingerprint = self._materialiser.materialise(resource)
        except BaseException:
            self._stale(key)
            raise
        with self._lock:
            if self._desks.get(key) == _Desk(resource=resource, fingerprint=""):
                self._desks[key] = _Desk(resource=resource, fingerprint=fingerprint)
        return fingerprint

    def resource(self, key: str) -> CustomResource | None:
        """An object as it was last understood; None where it never was."""
        with self._lock:
            desk = self._desks.get(key)
        return desk.resource if desk is not None else None

    def forget_object(self, namespace: str, name: str, uid: str | None = None) -> set[str]:
        """See `References.forget_object`."""
        with self._lock:
            desk = self._desks.pop(f"{namespace}/{name}", None)
        known = {desk.resource.uid} if desk is not None else set()
        for gone in known | ({uid} if uid is not None else set()):
            self._materialiser.remove(namespace, gone)
        return known

    def changed(self, kind: ReferenceKind, change: Change, found: Object) -> None:
        """An informer saw a Secret or ConfigMap; also when nothing changed, after it had to list anew."""
        metadata = found["metadata"]
        named: Named = (kind, metadata["namespace"], metadata["name"])
        version = "" if change == "DELETED" else str(metadata.get("resourceVersion", ""))
        with self._lock:
            if self._versions.get(named) == version:
                return
            if version:
                self._versions[named] = version
            else:
                self._versions.pop(named, None)
            naming = [key for key, desk in self._desks.items() if _names(desk.resource, named)]
        for key in naming:
            self._stale(key)
            self._wake(key)

    def _stale(self, key: str) -> None:
        with self._lock:
            desk = self._desks.get(key)
            if desk is not None:
                self._desks[key] = _Desk(resource=desk.resource, fingerprint=None)


def _names(resource: CustomResource, named: Named) -> bool:
    kind, namespace, name = named
    return resource.namespace == namespace and any(r.kind == kind and r.name == name for r in resource.references)
