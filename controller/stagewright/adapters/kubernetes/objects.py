"""What the controller writes into the cluster: finalizers, statuses, rows of promotions and Events."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from stagewright.adapters.kubernetes.client import EVENTS, PROMOTIONS, REGISTRY_SYNCS, Cluster, Object
from stagewright.errors import ConflictError, NotFoundError

API_VERSION = "stagewright.dev/v1alpha1"
CONTROLLER = "stagewright.dev/controller"


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The smallest patch (RFC 7386) that makes `old` into `new`; empty where they are the same. Lists go whole."""
    patch: dict[str, Any] = {name: None for name in old if name not in new}
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            inner = merge_patch(before, value)
            if inner:
                patch[name] = inner
        elif name not in old or before != value:
            patch[name] = value
    return patch


class ClusterObjects:
    """Writes objects of one cluster. `instance` is this process, for Events: the pod's name."""

    def __init__(self, cluster: Cluster, *, instance: str) -> None:
        self._cluster = cluster
        self._instance = instance

    def read(self, namespace: str, name: str) -> Object | None:
        """The RegistrySync as it is now; None when it is gone."""
        try:
            return self._cluster.get(REGISTRY_SYNCS, namespace, name)
        except NotFoundError:
            return None

    def set_finalizers(self, found: Mapping[str, Any], finalizers: list[str]) -> Object:
        """Give the RegistrySync these finalizers. ConflictError when it is not as it was found any more."""
        metadata = found["metadata"]
        patch = {"metadata": {"resourceVersion": metadata["resourceVersion"], "finalizers": finalizers}}
        return self._cluster.merge(REGISTRY_SYNCS, metadata["namespace"], metadata["name"], patch)

    def set_status(self, found: Mapping[str, Any], status: Mapping[str, Any]) -> Object | None:
        """Make `status` the RegistrySync's; None where it was that already. ConflictError as above."""
        metadata = found["metadata"]
        changed = merge_patch(found.get("status") or {}, status)
        if not changed:
            return None
        patch = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "status": changed}
        return self._cluster.merge(REGISTRY_SYNCS, metadata["namespace"], metadata["name"], patch, part="status")

    def annotate(self, namespace: str, name: str, annotation: str, text: str) -> None:
        """Set one annotation of a RegistrySync. NotFoundError."""
        patch = {"metadata": {"annotations": {annotation: text}}}
        self._cluster.merge(REGISTRY_SYNCS, namespace, name, patch)

    def add_row(self, namespace: str, row: Mapping[str, Any], status: Mapping[str, Any]) -> None:
        """Make a Promotion, or put right the one there is."""
        name = row["metadata"]["name"]
        try:
            self._cluster.create(PROMOTIONS, namespace, row)
        except ConflictError:
            # ours from before, which the cache did not know yet; or a stranger's, which is none
            self._cluster.merge(PROMOTIONS, namespace, name, {"metadata": row["metadata"], "spec": row["spec"]})
        self._cluster.merge(PROMOTIONS, namespace, name, {"status": dict(status)}, part="status")

    def change_row(
        self, namespace: str, found: Mapping[str, Any], row: Mapping[str, Any], status: Mapping[str, Any]
    ) -> None:
        """Put a Promotion right, as far as it is not."""
        name = row["metadata"]["name"]
        try:
            if patch := merge_patch(found.get("spec") or {}, row["spec"]):
                self._cluster.merge(PROMOTIONS, namespace, name, {"spec": patch})
            if patch := merge_patch(found.get("status") or {}, status):
                self._cluster.merge(PROMOTIONS, namespace, name, {"status": patch}, part="status")
        except NotFoundError:
            self.add_row(namespace, row, status)

    def delete_row(self, namespace: str, name: str) -> None:
        """Delete a Promotion; nothing happens where it is gone."""
        self._cluster.delete(PROMOTIONS, namespace, name)

    def emit(
        self, regarding: Mapping[str, Any], *, severity: str, reason: str, action: str, note: str, at: datetime
    ) -> None:
        """Tell something about a RegistrySync as an Event (events.k8s.io/v1)."""
        metadata = regarding["metadata"]
        self._cluster.create(
            EVENTS,
            metadata["namespace"],
            {
                "apiVersion": "events.k8s.io/v1",
                "kind": "Event",
                "metadata": {"generateName": f"{metadata['name']}-", "namespace": metadata["namespace"]},
                "eventTime": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "reportingController": CONTROLLER,
                "reportingInstance": self._instance[:128],
                "regarding": {
                    "apiVersion": API_VERSION,
                    "kind": "RegistrySync",
                    "namespace": metadata["namespace"],
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                },
                "type": severity,
                "reason": reason,
                "action": action,
                "note": note,
            },
        )
