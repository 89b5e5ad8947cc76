"""A RegistrySync as an object of a cluster: one configuration, and the Secrets and ConfigMaps that it names."""

from dataclasses import dataclass
from typing import Literal

from stagewright.model.sync import RegistrySync

ReferenceKind = Literal["Secret", "ConfigMap"]
NotificationType = Literal["cloudevents", "slack"]
OBJECT_STORES = frozenset({"s3", "gs", "wasbs", "abfss", "r2", "b2", "hdfs", "viewfs"})
"""The kinds of stores, as MLflow's URIs spell them, in which artifacts may lie."""
NotificationKind = Literal["verdict", "pending", "drift", "alarm", "applied"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the operator keeps what belongs to objects, as absolute folders, and what they let objects name.

    `insecure_urls` admits http, file and addresses of the machine itself; `cluster_addresses` are those of the API
    server, which no URL may name; `pod_identity` lets an object use the pod's own credentials for its bucket.
    `artifact_stores` are the object stores (`s3`) that MLflow may point into, read with the pod's own credentials;
    `plugins` are the authentication plugins of MLflow that an object may name. `repository_bytes` is the most that the
    mirror of one object's repository may hold.
    """

    secrets: str
    ledgers: str
    mirrors: str
    insecure_urls: bool = False
    cluster_addresses: tuple[str, ...] = ()
    pod_identity: bool = False
    artifact_stores: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    repository_bytes: int = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One key of a Secret or ConfigMap of the object's own namespace, and the file that it becomes.

    `key` None means every key, each a file of the folder `path`. `place` is where the object names it:
    `spec.forge.tokenSecretRef`.
    """

    kind: ReferenceKind
    name: str
    key: str | None
    path: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Workloads:
    """The deployment hop: whether labelled workloads are recorded, and rolled when their stage changes."""

    observe: bool
    restart: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationFilter:
    """What is told: these kinds, of these stages and models. None names no limit."""

    kinds: tuple[NotificationKind, ...]
    stages: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """Somebody to tell. Exactly one of `url` and `url_file` is there; the secret of `signing_secret_file` signs."""

    type: NotificationType
    filter: NotificationFilter
    url: str | None = None
    url_file: str | None = None
    signing_secret_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomResource:
    """One RegistrySync of a cluster. `sync` is what the engine runs, with the references as files below `folder`.

    `requested_at` is the annotation `stagewright.dev/reconcile-requested-at`, any text.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    requested_at: str | None
    deleting: bool
    sync: RegistrySync
    folder: str
    references: tuple[Reference, ...]
    workloads: Workloads
    notifications: tuple[Notification, ...]
