"""What is known of the cluster's objects, filled by informers; and which changes are a reason to look."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from stagewright.kube.outside import Change, Object
from stagewright.kube.promotions import SYNC_LABEL
from stagewright.schema.custom_resource import ASKING, FINALIZER


class SyncCache:
    """The RegistrySyncs. `wake` is called with the key of one that was made, changed by somebody else, or is gone."""

    def __init__(self, wake: Callable[[str], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._objects: dict[str, Object] = {}

    def changed(self, change: Change, found: Object) -> None:
        """An informer saw this; also when nothing changed, after it had to list anew."""
        key = key_of(found)
        with self._lock:
            before = self._objects.get(key)
            if change == "DELETED":
                self._objects.pop(key, None)
            else:
                self._objects[key] = found
        # our own statuses and finalizers come back as changes, too: they are no reason
        if change == "DELETED" or before is None or _asked(before) != _asked(found):
            self._wake(key)

    def get(self, namespace: str, name: str) -> Object | None:
        """One object as it was last seen; None when there is none."""
        with self._lock:
            return self._objects.get(f"{namespace}/{name}")

    def every(self) -> tuple[Object, ...]:
        """All objects that are not about to go."""
        with self._lock:
            objects = tuple(self._objects.values())
        return tuple(found for found in objects if not found["metadata"].get("deletionTimestamp"))

    def every_key(self) -> tuple[str, ...]:
        """The keys of all, sorted."""
        with self._lock:
            return tuple(sorted(self._objects))


class RowIndex:
    """The Promotions by the RegistrySync that they belong to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[str, dict[str, Object]] = {}

    def changed(self, change: Change, found: Object) -> None:
        """An informer saw this."""
        metadata = found["metadata"]
        owner = f"{metadata['namespace']}/{(metadata.get('labels') or {}).get(SYNC_LABEL, '')}"
        with self._lock:
            rows = self._rows.setdefault(owner, {})
            if change == "DELETED":
                rows.pop(metadata["name"], None)
            else:
                rows[metadata["name"]] = found
            if not rows:
                del self._rows[owner]

    def of(self, namespace: str, sync: str) -> Mapping[str, Object]:
        """Those of one RegistrySync, by name."""
        with self._lock:
            return dict(self._rows.get(f"{namespace}/{sync}", {}))


def key_of(found: Object) -> str:
    """`namespace/name`."""
    return f"{found['metadata']['namespace']}/{found['metadata']['name']}"


def _asked(found: Object) -> tuple[Any, ...]:
    """What somebody else asks for with an object: not its status."""
    metadata = found["metadata"]
    annotations = metadata.get("annotations") or {}
    return (
        metadata.get("uid"),
        metadata.get("generation"),
        metadata.get("deletionTimestamp"),
        *(annotations.get(name) for name in ASKING),
        # taken away by hand, it is put back
        FINALIZER in (metadata.get("finalizers") or []) or metadata.get("deletionTimestamp") is not None,
    )
