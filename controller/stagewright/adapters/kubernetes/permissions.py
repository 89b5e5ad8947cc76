"""What the controller must be allowed to do in a cluster, as a table; and the question whether we are.

The question is a `SelfSubjectAccessReview`, which every service account may ask about itself:

    {"spec": {"resourceAttributes": {"namespace": "ml", "group": "", "resource": "secrets", "verb": "get"}}}
    {"status": {"allowed": true}}
"""

from collections.abc import Iterator
from dataclasses import dataclass

from stagewright.adapters.kubernetes.client import Cluster, Resource
from stagewright.errors import UnreachableError

REVIEWS = Resource(group="authorization.k8s.io", version="v1", plural="selfsubjectaccessreviews")


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """Verbs on a resource (`plural` or `plural/part`) of a group; with `name`, on that one object only."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    name: str = ""


_OURS = "stagewright.dev"

IN_FOLLOWED_NAMESPACES: tuple[Permission, ...] = (
    Permission(group=_OURS, resource="registrysyncs", verbs=("get", "list", "watch", "patch")),
    Permission(group=_OURS, resource="registrysyncs/status", verbs=("patch",)),
    Permission(group=_OURS, resource="promotions", verbs=("list", "watch", "create", "patch", "delete")),
    Permission(group=_OURS, resource="promotions/status", verbs=("patch",)),
    Permission(group="events.k8s.io", resource="events", verbs=("create",)),
)
"""What following the `RegistrySync`s of a namespace takes, beside reading what they refer to."""


def to_read(resource: str, names: tuple[str, ...]) -> tuple[Permission, ...]:
    """What reading Secrets (`secrets`) or ConfigMaps takes: those of these names, or (none) all, which are watched."""
    if not names:
        return (Permission(group="", resource=resource, verbs=("get", "list", "watch")),)
    return tuple(Permission(group="", resource=resource, verbs=("get",), name=name) for name in names)


def to_lead(lease: str) -> tuple[Permission, ...]:
    """What holding that lease takes, in its own namespace."""
    group, resource = "coordination.k8s.io", "leases"
    return (
        Permission(group=group, resource=resource, verbs=("create",)),
        Permission(group=group, resource=resource, verbs=("get", "watch", "update"), name=lease),
    )


def refused(cluster: Cluster, namespace: str | None, permissions: tuple[Permission, ...]) -> tuple[str, ...]:
    """Which of them we do not have in a namespace, or (None) in all: `patch promotions.stagewright.dev`."""
    return tuple(
        f"{attributes['verb']} {Resource(group=p.group, version='', plural=p.resource)}{' ' * bool(p.name)}{p.name}"
        for p in permissions
        for attributes in _questions(namespace, p)
        if not _allowed(cluster, attributes)
    )


def _questions(namespace: str | None, permission: Permission) -> Iterator[dict[str, str]]:
    resource, _, part = permission.resource.partition("/")
    for verb in permission.verbs:
        yield {
            "namespace": namespace or "",
            "group": permission.group,
            "resource": resource,
            "subresource": part,
            "verb": verb,
            "name": permission.name,
        }


def _allowed(cluster: Cluster, attributes: dict[str, str]) -> bool:
    body = {
        "apiVersion": f"{REVIEWS.group}/{REVIEWS.version}",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    status = cluster.create(REVIEWS, None, body).get("status")
    allowed = status.get("allowed") if isinstance(status, dict) else None
    if not isinstance(allowed, bool):
        raise UnreachableError("the API server did not say whether we may, to a SelfSubjectAccessReview")
    return allowed
