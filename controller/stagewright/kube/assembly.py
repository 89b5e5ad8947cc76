"""A controller put together from its settings."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stagewright.adapters.chance import fraction
from stagewright.adapters.clock import SystemClock
from stagewright.adapters.kubernetes.client import Cluster
from stagewright.adapters.kubernetes.objects import ClusterObjects
from stagewright.adapters.kubernetes.workloads import WorkloadWatch
from stagewright.bootstrap.controller import ClusterEngines, informers, seconds
from stagewright.kube.caches import RowIndex, SyncCache
from stagewright.kube.claims import ClaimDesk
from stagewright.kube.controller import Candidate, Controller, Parts
from stagewright.kube.engines import EngineShelf
from stagewright.kube.observer import Courier, Observer
from stagewright.kube.promotions import MANAGED_BY
from stagewright.kube.queue import Fairness, WorkQueue
from stagewright.kube.reconcile import Around, Conditioned, Reconciler, Statuses
from stagewright.kube.references import Materialiser, ReferenceDesk
from stagewright.kube.rows import RowWriter
from stagewright.kube.settings import Settings
from stagewright.kube.tracing import Tracer, traced
from stagewright.kube.worker import Workers
from stagewright.model.custom_resource import CustomResource
from stagewright.ports import Fence, Telemetry


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What an assembled controller offers to those beside it: `desk` and `knock` are what webhooks need."""

    controller: Controller
    desk: ReferenceDesk
    knock: Callable[[str], None]


def assemble(
    settings: Settings,
    cluster: Cluster,
    *,
    candidate: Candidate,
    fence: Fence | None,
    materialiser: Materialiser,
    statuses: Statuses,
    observer: Observer,
    courier: Courier | None,
    conditions: Conditioned,
    tracer: Tracer,
    telemetry: Callable[[CustomResource], Telemetry],
    env: Mapping[str, str] = os.environ,
) -> Wiring:
    """Put a controller together; nothing is asked and nothing runs yet."""
    queue = WorkQueue[str](clock=seconds, fraction=fraction, fairly=_between_namespaces(settings))
    cache, rows = SyncCache(queue.add), RowIndex()
    claims = ClaimDesk(cache.every)
    objects = ClusterObjects(cluster, instance=settings.lease.holder)

    def live(namespace: str) -> bool:
        return copies.live(namespace)

    desk = ReferenceDesk(materialiser, live=live, wake=queue.add)
    copies = informers(
        cluster,
        settings.namespaces,
        selector=settings.selector,
        rows="=".join(MANAGED_BY),
        syncs_seen=cache.changed,
        rows_seen=rows.changed,
        secrets_seen=lambda change, found: desk.changed("Secret", change, found),
        config_maps_seen=lambda change, found: desk.changed("ConfigMap", change, found),
    )
    workloads = WorkloadWatch(cluster, settings.namespaces, fraction=fraction, seconds=seconds)
    engines = ClusterEngines(
        fence=fence,
        env=env,
        mirrors=Path(settings.places.mirrors),
        image=settings.image,
        clock=SystemClock(),
        places=settings.places,
        workloads=workloads.of,
        telemetry=telemetry,
        claims=lambda found: claims.of(found.namespace, found.name, found.uid, found.sync.registry_uri),
    )
    shelf = EngineShelf(engines)
    reconciler = Reconciler(
        Around(
            cache=cache,
            objects=objects,
            rows=RowWriter(objects, rows),
            references=desk,
            engines=shelf,
            remove_engine=engines.remove,
            statuses=statuses,
            observer=observer,
            courier=courier,
            conditions=conditions,
            tried=claims.tried,
            leading=lambda: candidate.leading,
            queue=queue,
            clock=SystemClock(),
            seconds=seconds,
            fraction=fraction,
            places=settings.places,
        )
    )
    workers = Workers(
        queue,
        traced(tracer, reconciler.reconcile),
        count=settings.workers,
        clock=seconds,
        stuck_after_s=settings.stuck_after_s,
        busy=observer.working,
        crashed=reconciler.crashed,
    )
    parts = Parts(
        queue=queue,
        workers=workers,
        cache=cache,
        engines=shelf,
        elected=claims.forget_all,
        feeds=(*copies.every, workloads),
        needed=copies.needed,
        candidate=candidate,
        observer=observer,
        seconds=seconds,
        grace_s=settings.grace_s,
    )
    return Wiring(controller=Controller(parts), desk=desk, knock=reconciler.knock)


def _between_namespaces(settings: Settings) -> Fairness[str] | None:
    """Whatever one namespace does to its workers, one is left for the others, where there are several."""
    if settings.workers == 1 or (settings.namespaces is not None and len(settings.namespaces) == 1):
        return None
    return Fairness(group_of=lambda key: key.partition("/")[0], at_once=settings.workers - 1)
