"""Workloads that say which model's stage they serve, out of the caches of informers.

    metadata:
      labels: {stagewright.dev/model: credit-risk, stagewright.dev/stage: Production}     # on the workload
      annotations: {stagewright.dev/restart: "false"}                                     # never rolled by us
    spec:
      template:
        metadata:
          labels: {stagewright.dev/model: credit-risk, stagewright.dev/stage: Production} # and on its pods
          annotations: {stagewright.dev/loaded-version: "7", stagewright.dev/rolled-for: "42"}

Deployments, StatefulSets and, where the cluster knows the kind, KServe's InferenceServices, whose `spec.predictor` has
the annotations of its pods.
"""

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from stagewright.adapters.kubernetes.client import Cluster, Resource
from stagewright.adapters.kubernetes.informer import Informer, Selection
from stagewright.errors import NotFoundError, UnreachableError
from stagewright.model.workload import (
    MODEL_LABEL,
    RESTART_ANNOTATION,
    ROLLED_ANNOTATION,
    STAGE_LABEL,
    VERSION_ANNOTATION,
    Workload,
)

DEPLOYMENTS = Resource(group="apps", version="v1", plural="deployments")
STATEFUL_SETS = Resource(group="apps", version="v1", plural="statefulsets")
INFERENCE_SERVICES = Resource(group="serving.kserve.io", version="v1beta1", plural="inferenceservices")
PODS = Resource(group="", version="v1", plural="pods")
KINDS: Mapping[Resource, str] = {
    DEPLOYMENTS: "Deployment",
    STATEFUL_SETS: "StatefulSet",
    INFERENCE_SERVICES: "InferenceService",
}
LABELLED = f"{MODEL_LABEL},{STAGE_LABEL}"
KSERVE_POD_LABEL = "serving.kserve.io/inferenceservice"
KSERVE_AGAIN_S = 300.0
MAX_TEXT = 200
MAX_IMAGES = 20

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Found:
    resource: Resource
    value: Object


class WorkloadWatch:
    """Keeps what there is of labelled workloads and their pods, in some namespaces or (None) in all."""

    def __init__(
        self,
        cluster: Cluster,
        namespaces: Sequence[str] | None,
        *,
        fraction: Callable[[], float],
        seconds: Callable[[], float],
    ) -> None:
        """`fraction` is a random number below 1, `seconds` a clock that never runs back. Nothing is asked yet."""
        self._cluster = cluster
        self._places: tuple[str | None, ...] = (None,) if namespaces is None else tuple(namespaces)
        self._fraction = fraction
        self._seconds = seconds
        self._lock = threading.Lock()
        self._informers = {
            (kind, place): self._informer(kind, place)
            for kind in (DEPLOYMENTS, STATEFUL_SETS, PODS)
            for place in self._places
        }
        self._look_again_at = 0.0

    def start(self) -> None:
        """Begin to watch."""
        for informer in self._informers.values():
            informer.start()

    def stop(self) -> None:
        """End the watches."""
        with self._lock:
            self._look_again_at = float("inf")
            running = tuple(self._informers.values())
        for informer in running:
            informer.stop()

    @property
    def synced(self) -> bool:
        """Whether everything there was at the start has arrived."""
        with self._lock:
            return all(informer.synced for informer in self._informers.values())

    def of(self, namespace: str) -> "NamespaceWorkloads":
        """The workloads of one namespace, as the port wants them."""
        return NamespaceWorkloads(self, self._cluster, namespace)

    def found(self, namespace: str) -> list[_Found]:
        """Every labelled workload of a namespace. UnreachableError while a watch is down."""
        self._find_kserve()
        with self._lock:
            kinds = {kind for kind, _ in self._informers if kind is not PODS}
        return [_Found(kind, value) for kind in KINDS if kind in kinds for value in self._values(kind, namespace)]

    def pods(self, namespace: str) -> list[Object]:
        """Every labelled pod of a namespace. UnreachableError while the watch is down."""
        return self._values(PODS, namespace)

    def _values(self, kind: Resource, namespace: str) -> list[Object]:
        with self._lock:
            informer = self._informers.get((kind, None)) or self._informers.get((kind, namespace))
        if informer is None:
            raise UnreachableError(f"the {kind} of {namespace} are not watched")
        if not informer.live:
            why = "the service account may not watch them" if informer.denied else "the watch is down"
            raise UnreachableError(f"the {kind} of {namespace} are not known: {why}")
        keys = informer.keys()
        names = (key.removeprefix(f"{namespace}/") for key in keys if key.startswith(f"{namespace}/"))
        return [value for name in names if (value := informer.get(namespace, name)) is not None]

    def _find_kserve(self) -> None:
        """Watch InferenceServices from when the cluster knows them; it is asked now and then."""
        with self._lock:
            known = any(kind is INFERENCE_SERVICES for kind, _ in self._informers)
            if known or self._seconds() < self._look_again_at:
                return
            self._look_again_at = self._seconds() + KSERVE_AGAIN_S
        if not _served(self._cluster, INFERENCE_SERVICES):
            return
        made = {(INFERENCE_SERVICES, place): self._informer(INFERENCE_SERVICES, place) for place in self._places}
        with self._lock:
            self._informers.update(made)
        for informer in made.values():
            informer.start()

    def _informer(self, kind: Resource, place: str | None) -> Informer:
        selection = Selection(resource=kind, namespace=place, labels=LABELLED)
        return Informer(self._cluster, selection, lambda _change, _found: None, fraction=self._fraction)


class NamespaceWorkloads:
    """A `Workloads` of one namespace."""

    def __init__(self, watch: WorkloadWatch, cluster: Cluster, namespace: str) -> None:
        self._watch = watch
        self._cluster = cluster
        self._namespace = namespace

    def observe(self, known: frozenset[str]) -> tuple[tuple[Workload, ...], frozenset[str]]:
        """See the port."""
        found = self._watch.found(self._namespace)
        pods = self._watch.pods(self._namespace)
        there = {str(one.value["metadata"]["uid"]) for one in found}
        seen = tuple(read_workload(KINDS[one.resource], one.value, pods) for one in found if settled(one.value))
        return seen, known - there

    def roll(self, workload: Workload, intent: int) -> None:
        """See the port: an annotation on the template of its pods, as `kubectl rollout restart` does it."""
        annotations = {"annotations": {ROLLED_ANNOTATION: str(intent)}}
        spec: Object = {"template": {"metadata": annotations}}
        resource = next(resource for resource, kind in KINDS.items() if kind == workload.kind)
        if resource is INFERENCE_SERVICES:
            spec = {"predictor": annotations}
        try:
            # the uid makes sure that it is still the one that was looked at
            body = {"metadata": {"uid": workload.uid}, "spec": spec}
            self._cluster.merge(resource, workload.namespace, workload.name, body)
        except NotFoundError:
            return


def read_workload(kind: str, value: Object, pods: Iterable[Object]) -> Workload:
    """One workload, with what its pods tell."""
    metadata = value["metadata"]
    own = [pod for pod in pods if _owns(kind, value, pod) and pod.get("status", {}).get("phase") == "Running"]
    template = _template(kind, value)
    versions = {_annotation(pod["metadata"], VERSION_ANNOTATION) for pod in own} or {None}
    loaded = versions.pop() if len(versions) == 1 else None
    rolled = _annotation(template, ROLLED_ANNOTATION)
    return Workload(
        kind=kind,
        namespace=str(metadata["namespace"]),
        name=str(metadata["name"]),
        uid=str(metadata["uid"]),
        model=str(metadata["labels"][MODEL_LABEL]),
        stage=str(metadata["labels"][STAGE_LABEL]),
        images=_images(own),
        version=loaded or _annotation(metadata, VERSION_ANNOTATION),
        rolled_for=int(rolled) if rolled is not None and re.fullmatch(r"[0-9]{1,15}", rolled) else None,
        created_at=datetime.fromisoformat(str(metadata["creationTimestamp"])),
        may_roll=_annotation(metadata, RESTART_ANNOTATION) != "false",
    )


def settled(value: Object) -> bool:
    """Whether a workload runs what its spec says, on every replica: in between it serves two things at once."""
    status, generation = value.get("status", {}), value["metadata"].get("generation", 0)
    if status.get("observedGeneration", 0) < generation:
        return False
    if "replicas" not in value.get("spec", {}):  # an InferenceService
        return any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions", ()))
    wanted = value["spec"]["replicas"]
    return all(status.get(name, 0) == wanted for name in ("replicas", "updatedReplicas", "readyReplicas"))


def _template(kind: str, value: Object) -> Object:
    spec = value.get("spec", {})
    found = spec.get("predictor", {}) if kind == "InferenceService" else spec.get("template", {}).get("metadata", {})
    return cast("Object", found)


def _owns(kind: str, value: Object, pod: Object) -> bool:
    labels = pod["metadata"].get("labels", {})
    if kind == "InferenceService":
        return bool(labels.get(KSERVE_POD_LABEL) == value["metadata"]["name"])
    wanted = value.get("spec", {}).get("selector", {}).get("matchLabels") or {}
    return bool(wanted) and all(labels.get(name) == text for name, text in wanted.items())


def _images(pods: Iterable[Object]) -> tuple[str, ...]:
    """`registry.example/serve@sha256:…` of each container, as the node pulled it."""
    statuses = [status for pod in pods for status in pod.get("status", {}).get("containerStatuses", ())]
    found = {str(status.get("imageID") or status.get("image") or "")[:MAX_TEXT] for status in statuses} - {""}
    return tuple(sorted(found)[:MAX_IMAGES])


def _annotation(metadata: Object, name: str) -> str | None:
    text = (metadata.get("annotations") or {}).get(name)
    return text[:MAX_TEXT] if isinstance(text, str) and text else None


def _served(cluster: Cluster, resource: Resource) -> bool:
    try:
        listed = cluster.read(f"/apis/{resource.group}/{resource.version}")
    except NotFoundError:
        return False
    return any(one.get("name") == resource.plural for one in listed.get("resources", ()))
