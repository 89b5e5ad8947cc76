"""The engines that are running: one per object, kept while neither its spec nor what it refers to changes."""

import threading
from dataclasses import dataclass

from stagewright.kube.outside import Engine, Engines
from stagewright.model.custom_resource import CustomResource, Workloads
from stagewright.model.sync import RegistrySync


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    uid: str
    sync: RegistrySync
    workloads: Workloads
    fingerprint: str
    engine: Engine


class EngineShelf:
    """Builds an engine when one is needed, and keeps it for the next time. Any thread may ask."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def engine(self, resource: CustomResource, fingerprint: str, checkpoint: bytes | None) -> Engine:
        """What syncs `resource`. `fingerprint` stands for what is in everything that it refers to.

        `checkpoint` is what its status knows; an engine that is kept knows a newer one.
        """
        key = f"{resource.namespace}/{resource.name}"
        with self._lock:
            kept = self._kept.get(key)
        wanted = (resource.uid, resource.sync, resource.workloads, fingerprint)
        if kept and (kept.uid, kept.sync, kept.workloads, kept.fingerprint) == wanted:
            return kept.engine
        if kept and kept.uid == resource.uid and kept.engine.checkpoint is not None:
            checkpoint = kept.engine.checkpoint
        build = self._engines.rehearse if resource.sync.dry_run else self._engines.engine
        engine = build(resource, checkpoint)
        with self._lock:
            self._kept[key] = _Kept(
                uid=resource.uid,
                sync=resource.sync,
                workloads=resource.workloads,
                fingerprint=fingerprint,
                engine=engine,
            )
        return engine

    def drop(self, key: str) -> str | None:
        """Forget the engine of an object that is gone; the uid that it had."""
        with self._lock:
            kept = self._kept.pop(key, None)
        return kept.uid if kept else None

    def drop_all(self) -> None:
        """Forget every engine: somebody else may write from now on, and the statuses know better then."""
        with self._lock:
            self._kept.clear()
